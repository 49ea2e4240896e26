// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "seqrec/serve/cold.hpp"
#include "seqrec/serve/known_user.hpp"
#include "seqrec/serve/request_server.hpp"
#include "seqrec/serve/sole_context.hpp"

namespace seqrec {

namespace detail {

/// What a function without a Recommender answers a request with.
template <class Model>
RequestServer<Model> server_of_one(const Model& model, const KnownUser& user) {
  return RequestServer<Model>(model, user.features, model.max_length(), 1);
}

}  // namespace detail

/// The `count` items that a model would offer after a history, best first, without those in `exclusions` (most callers
/// exclude what is in the history). Fewer when the catalogue runs out, none when all of it is excluded. Many users, or
/// many requests one after another, are served faster by a Recommender.
/// @param context the caller's, reset here   @param history oldest first; its last max_length items are read
/// @param count   at least 1
/// @param user    for models that read features; these travel to another space with each call
/// @throws DataError      for an item that the model's table does not have
/// @throws ArgumentError  for a count below 1, or an empty history, about which a model knows nothing: offer the most
///                        popular items (Popularity), or what the service offers to everybody
/// @throws NonFiniteError where the score of an item that is not excluded is NaN
template <class Model>
std::vector<Recommendation<typename Model::Context::Scalar>> recommend(const Model& model,
                                                                       typename Model::Context& context,
                                                                       std::span<const item_t> history, index_t count,
                                                                       std::span<const item_t> exclusions,
                                                                       const KnownUser& user = {}) {
  static_assert(Ranker<Model>,
                "seqrec: recommend needs a model with encode() and item_head(), or with score(tape, batch, "
                "candidates)");
  auto server = detail::server_of_one(model, user);
  detail::SoleContext team(context);
  const RecommendRequest request{history, count, exclusions, user.profile, user.times};
  Recommendations<typename Model::Context::Scalar> answer;
  server.recommend(team, {&request, 1}, model.num_items(), {&answer, 1});
  detail::refuse_cold("recommend", answer.cold);
  return std::move(answer.items);
}

}  // namespace seqrec
