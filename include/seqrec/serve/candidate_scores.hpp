// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/autograd/tape.hpp"
#include "seqrec/core/ranking_batch.hpp"
#include "seqrec/models/candidate_encoder.hpp"
#include "seqrec/ops/score_items.hpp"
#include "seqrec/serve/last_states.hpp"

namespace seqrec {

/// The scores of a shard's candidates, under any model.   @return (C), in the context's memory
template <Ranker Model>
vector_of<typename Model::Context> scores_of_candidates(Tape<typename Model::Context>& tape, const Model& model,
                                                        const RankingBatch<typename Model::Context::Space>& shard) {
  using Context = typename Model::Context;
  if constexpr (CandidateEncoder<Model>) {
    return {model.score(tape, shard.histories, shard.candidates).value().data, shard.candidates.size()};
  } else {
    const auto scores = tape.context().vector(shard.candidates.size());
    ops::score_items(tape.context(), ScoreItems<Context>{last_states(tape, model, shard.histories),
                                                         model.item_head().view(tape), shard.candidates.items, scores});
    return scores;
  }
}

}  // namespace seqrec
