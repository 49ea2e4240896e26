// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <iterator>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "seqrec/serve/id_server.hpp"
#include "seqrec/serve/score.hpp"

namespace seqrec {

/// A range of texts: std::vector<std::string>, std::array<std::string_view, 3>, ... Not one that makes strings as it is
/// walked through, which nobody would keep.
template <class Range>
concept IdRange = requires(const Range& ids) {
  { *std::begin(ids) } -> std::convertible_to<std::string_view>;
  std::end(ids);
  requires std::is_lvalue_reference_v<decltype(*std::begin(ids))> ||
      std::same_as<decltype(*std::begin(ids)), std::string_view>;
};

namespace detail {

template <IdRange Range>
std::vector<std::string_view> texts(const Range& ids) {
  return {std::begin(ids), std::end(ids)};
}

}  // namespace detail

/// `recommend` by original ids. Ids that the model has never seen are left out, and counted in the answer; rows of its
/// table without an id are not offered.
/// @throws ArgumentError  also for a model without a vocabulary, and where the model knows nothing of the history
template <class Model, IdRange History, IdRange Exclusions = std::vector<std::string_view>>
AnswerById<typename Model::Context::Scalar> recommend(const Model& model, typename Model::Context& context,
                                                      const History& history, index_t count,
                                                      const Exclusions& exclusions, const KnownUser& user = {}) {
  static_assert(Ranker<Model>,
                "seqrec: recommend needs a model with encode() and item_head(), or with score(tape, batch, "
                "candidates)");
  const auto read = detail::texts(history), not_offered = detail::texts(exclusions);
  auto server = detail::server_of_one(model, user);
  detail::SoleContext team(context);
  const BasicRecommendRequest<std::string_view> request{read, count, not_offered, user.profile, user.times};
  AnswerById<typename Model::Context::Scalar> answer;
  detail::IdServer<Model>().recommend(server, team, std::span(&request, 1), {&answer, 1});
  detail::refuse_cold("recommend", answer.cold, read.size());
  return answer;
}

/// `score` by original ids: the candidates that the model knows, in their order, each with its score. The others have
/// none and are counted.
/// @throws ArgumentError  also for a model without a vocabulary, and where the model knows nothing of the history
template <class Model, IdRange History, IdRange Candidates = std::vector<std::string_view>>
AnswerById<typename Model::Context::Scalar> score(const Model& model, typename Model::Context& context,
                                                  const History& history, const Candidates& candidates,
                                                  const KnownUser& user = {}) {
  static_assert(Ranker<Model>,
                "seqrec: score needs a model with encode() and item_head(), or with score(tape, batch, candidates)");
  const auto read = detail::texts(history), asked = detail::texts(candidates);
  auto server = detail::server_of_one(model, user);
  detail::SoleContext team(context);
  const BasicScoreRequest<std::string_view> request{read, asked, user.profile, user.times};
  AnswerById<typename Model::Context::Scalar> answer;
  detail::IdServer<Model>().score(server, team, std::span(&request, 1), {&answer, 1});
  detail::refuse_cold("score", answer.cold, read.size());
  return answer;
}

}  // namespace seqrec
