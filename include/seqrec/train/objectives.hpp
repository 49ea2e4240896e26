// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <type_traits>
#include <variant>

#include "seqrec/autograd/tape.hpp"
#include "seqrec/core/batch.hpp"
#include "seqrec/models/static_encoder.hpp"
#include "seqrec/ops/add_rows.hpp"
#include "seqrec/ops/catalogue_loss.hpp"
#include "seqrec/ops/elementwise.hpp"
#include "seqrec/ops/sampled_loss.hpp"

namespace seqrec {

/// Cross-entropy of the next item against the whole catalogue: exact, and needs no negatives.
struct FullSoftmax {
  static constexpr const char* name = "full softmax";
};

/// Learning to predict the next item at every position of a history.
///
/// An objective is a value: it says what the batcher must sample and runs its head and loss on the tape. The loss is
/// the mean over the positions of a batch; negatives of one position add up.
///
///     NextItem{.loss = BinaryCrossEntropy{}}                   // SASRec's paper: one negative a position
///     NextItem{.loss = BinaryCrossEntropy{}, .negatives = 8}
///     NextItem{.loss = FullSoftmax{}}
///
/// The loss is a variant and not a template parameter, so that a program can choose it at run time, and because
/// deducing a parameter from `.loss =` is beyond clang before version 17. `BasicNextItem<MyLoss>` takes a row loss of
/// your own (see ops/sampled_loss.hpp).
template <class... Losses>
struct BasicNextItem {
  std::variant<Losses...> loss{};
  /// Sampled for each position: one, or none for the full softmax.
  index_t negatives = std::visit([](const auto& chosen) { return samples<decltype(chosen)> ? 1 : 0; }, loss);

  /// A name for logs and result files.
  std::string name() const {
    return std::visit(
        [this](const auto& chosen) {
          if constexpr (samples<decltype(chosen)>)
            return concatenate("next item, ", chosen.name, ", ", negatives,
                               negatives == 1 ? " negative" : " negatives");
          else
            return concatenate("next item, ", chosen.name);
        },
        loss);
  }

  /// @throws ArgumentError when the number of negatives does not fit the loss
  void check() const {
    std::visit(
        [this](const auto& chosen) {
          if constexpr (samples<decltype(chosen)>)
            check_argument(negatives >= 1, "NextItem negatives", negatives, "at least 1 for a sampled loss");
          else
            check_argument(negatives == 0, "NextItem negatives", negatives, "0, the full softmax samples nothing");
        },
        loss);
  }

  /// Forward, loss, and the record for backward of one shard; the loss goes to the context's sum.
  template <class Model, class Context>
  void operator()(const Model& model, Tape<Context>& tape, const TrainingBatch<typename Context::Space>& batch) const {
    static_assert(StaticEncoder<Model>,
                  "seqrec: NextItem needs a model with encode() and output_table(), whose view of a user does not "
                  "depend on the item; train a model that looks at candidates with a click objective");
    std::visit([&](const auto& chosen) { head(chosen, model, tape, batch); }, loss);
  }

 private:
  template <class Loss>
  static constexpr bool samples = !std::is_same_v<std::remove_cvref_t<Loss>, FullSoftmax>;

  template <class Loss, class Model, class Context>
  static void head(const Loss& chosen, const Model& model, Tape<Context>& tape,
                   const TrainingBatch<typename Context::Space>& batch) {
    const Variable<Context> states = model.encode(tape, batch.histories);
    Context& context = tape.context();
    const auto table = tape.value(model.output_table());
    const auto dtable = tape.recording() ? tape.gradient(model.output_table()) : master_matrix_of<Context>{};
    const auto losses = context.template vector<double>(states.rows());
    const auto dstates = tape.recording() ? context.matrix(states.rows(), states.columns()) : matrix_of<Context>{};
    if constexpr (samples<Loss>) {
      const auto coefficients = context.vector(batch.next.items.size());
      ops::sampled_loss(context, SampledLoss<Context, Loss>{states.value(), table, batch.next.items, batch.loss_scale,
                                                            losses, coefficients, dstates, chosen});
      if (dtable)
        ops::add_rows(context, AddRows<Context>{states.value(), batch.next.index, coefficients,
                                                batch.next.items.columns(), dtable});
    } else {
      ops::catalogue_loss(context, CatalogueLoss<Context>{states.value(), table, batch.next.items.column_range(0, 1),
                                                          batch.loss_scale, losses, dstates, dtable});
    }
    ops::accumulate_loss(context, AccumulateLoss<Context>{losses});
    tape.record([states, dstates](Tape<Context>& t) { t.contribute(states, dstates); });
  }
};

/// The losses that come with the library.
using NextItem = BasicNextItem<BinaryCrossEntropy, FullSoftmax>;

}  // namespace seqrec
