// SPDX-License-Identifier: Apache-2.0
// A context whose memory is not the host's, as far as types can tell, and a model that looks at where its batches lie:
// what reads batches must bring them there first.
#pragma once

#include <vector>

#include "seqrec/autograd/tape.hpp"
#include "seqrec/core/context_base.hpp"
#include "seqrec/core/team_options.hpp"
#include "seqrec/models/candidate_encoder.hpp"
#include "support/counting_space.hpp"

namespace seqrec_test {

/// A context over CountingSpace without ops.
struct OtherContext : seqrec::ContextBase<float, float, CountingSpace> {
  class Team;
};

/// The least of a team.
class OtherContext::Team {
 public:
  explicit Team(seqrec::index_t = 0, const seqrec::TeamOptions& = {}) {}

  template <class Shards, class Work>
  void run(const Shards& batch, Work&& work) {
    for (seqrec::index_t shard = 0; shard < batch.num_shards(); ++shard) {
      context_.begin_shard();
      work(context_, batch.shard(shard));
    }
  }

  OtherContext& context() { return context_; }

 private:
  OtherContext context_;
};

/// Scores an item by 100 times the user's last item, plus the item, plus its first category by thousandths; an empty
/// history counts as item 0.
struct OtherModel {
  using Context = OtherContext;
  using Space = CountingSpace;
  struct Explained {
    seqrec::VectorView<float, Space> weights;  ///< (N)
  };

  seqrec::index_t items = 10;

  seqrec::index_t num_items() const { return items; }
  seqrec::index_t max_length() const { return 3; }

  seqrec::Variable<Context> score(seqrec::Tape<Context>& tape, const seqrec::Batch<Space>& batch,
                                  const seqrec::Candidates<Space>& candidates) const {
    const auto y = tape.variable(candidates.size(), 1);
    for (seqrec::index_t user = 0; user < batch.users(); ++user) {
      const auto history = batch.items[user];
      const float last = history.size() == 0 ? 0 : static_cast<float>(history(history.size() - 1));
      for (seqrec::index_t c = candidates.items.offsets(user); c < candidates.items.offsets(user + 1); ++c) {
        const seqrec::item_t item = candidates.items.values(c);
        y.value()(c, 0) = 100 * last + static_cast<float>(item);
        if (batch.features.of_items) y.value()(c, 0) += 1e-3f * static_cast<float>(batch.features.of_items[item](0));
      }
    }
    return y;
  }

  Explained explain(seqrec::Tape<Context>& tape, const seqrec::Batch<Space>& batch,
                    const seqrec::Candidates<Space>& candidates) const {
    const auto weights = tape.context().vector(batch.rows());
    for (seqrec::index_t row = 0; row < batch.rows(); ++row)
      weights(row) = static_cast<float>(batch.items.values(row) * candidates.items.values(0));
    return {weights};
  }
};

}  // namespace seqrec_test
