// SPDX-License-Identifier: Apache-2.0
#include "seqrec/models/narm.hpp"

#include "model_contender.hpp"
#include "next_item_batch.hpp"
#include "seqrec/objectives/item_heads.hpp"
#include "seqrec/ops/gather_rows.hpp"

namespace {

using peer::index_t;

/// The last item of each session against the catalogue, as NARM's authors train: every prefix of a session is a
/// session of its own there.
struct LastItem {
  static constexpr bool one_target_a_user = true;
  /// Each shard passes the whole catalogue, for one row of a user.
  static constexpr index_t users_together = 64;

  seqrec::BatchPlan plan() const { return {.negatives = 0, .next_index = false}; }

  template <class Model, class Context>
  void operator()(const Model& model, seqrec::Tape<Context>& tape,
                  const seqrec::TrainingBatch<typename Context::Space>& batch) const {
    Context& context = tape.context();
    const index_t users = batch.histories.users();
    const auto rows = context.template vector<seqrec::offset_t>(users);
    seqrec::ops::last_row_numbers(context, seqrec::LastRowNumbers<Context>{batch.histories.offsets(), rows});
    auto last = batch;
    const auto targets = context.template vector<seqrec::item_t>(users);
    for (index_t user = 0; user < users; ++user) targets(user) = batch.next.items(rows(user), 0);
    last.next.items = {targets.data, users, 1};
    const auto states = model.encode(tape, batch.histories);
    seqrec::detail::catalogue_head(false, tape, rows_of(tape, states, rows), model.item_head(), last);
  }

 private:
  template <class Context, class Rows>
  static seqrec::Variable<Context> rows_of(seqrec::Tape<Context>& tape, seqrec::Variable<Context> x, Rows rows) {
    const seqrec::Variable<Context> y = tape.variable(rows.size(), x.columns());
    seqrec::ops::gather_rows_forward(tape.context(), seqrec::GatherRowsForward<Context>{x.value(), rows, y.value()});
    tape.record([rows, x, y](seqrec::Tape<Context>& t) {
      if (const auto dy = t.incoming(y))
        seqrec::ops::gather_rows_backward(t.context(), seqrec::GatherRowsBackward<Context>{rows, dy, t.gradient(x)});
    });
    return y;
  }
};

}  // namespace

std::unique_ptr<peer::Contender> peer::make_narm(const Settings& settings) {
  if (settings.objective != "last_softmax")
    throw seqrec::ArgumentError("objective is " + settings.objective + ", expected last_softmax");
  return std::make_unique<ModelContender<seqrec::Narm<Context>, seqrec::NarmOptions, LastItem, NextItemBatch>>(
      settings, LastItem{});
}
