// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "seqrec/serve/recommend.hpp"

namespace seqrec {

/// The scores of candidates after a history, in their order, for re-ranking what another system has found: the scores
/// that `recommend` gives the same items, to the last bit.
/// @param context the caller's, reset here   @param history oldest first; its last max_length items are read
/// @param candidates  repetitions allowed; none have no scores
/// @param user    for models that read features; these travel to another space with each call
/// @throws DataError      for an item that the model's table does not have
/// @throws ArgumentError  for an empty history, as recommend
/// @throws NonFiniteError where a score is NaN
template <class Model>
std::vector<typename Model::Context::Scalar> score(const Model& model, typename Model::Context& context,
                                                   std::span<const item_t> history, std::span<const item_t> candidates,
                                                   const KnownUser& user = {}) {
  static_assert(Ranker<Model>,
                "seqrec: score needs a model with encode() and item_head(), or with score(tape, batch, candidates)");
  auto server = detail::server_of_one(model, user);
  detail::SoleContext team(context);
  const ScoreRequest request{history, candidates, user.profile, user.times};
  Scores<typename Model::Context::Scalar> answer;
  server.score(team, {&request, 1}, {&answer, 1});
  detail::refuse_cold("score", answer.cold);
  return std::move(answer.scores);
}

}  // namespace seqrec
