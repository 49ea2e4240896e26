// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "seqrec/core/options.hpp"
#include "seqrec/core/team_options.hpp"
#include "seqrec/serve/cold.hpp"
#include "seqrec/serve/id_server.hpp"
#include "seqrec/serve/request_server.hpp"

namespace seqrec {

/// How a Recommender works. No answer depends on it.
struct RecommenderOptions {
  TeamOptions team{};
  index_t users_at_once = 1024;
  index_t token_budget = 256;
  bool warm_up = true;

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("", team);
    visit("users_at_once", users_at_once, at_least(1), "users that are packed together", OptionEffect::none);
    visit("token_budget", token_budget, at_least(1), "rows of a shard", OptionEffect::none);
    visit("warm_up", warm_up, any(), "whether construction makes up requests, or buffers grow with the first",
          OptionEffect::none);
  }
};

/// Serves a model: recommends to and scores for any number of users at a time, on several threads, by rows of the
/// model's table or by original ids. Keeps its threads, contexts and buffers, and what is known of users and items
/// where the model reads it, from call to call: a call of a size seen before allocates nothing but its answer.
///
/// Answers come in the order of the requests and have the same bits whatever the number of threads, alone or in
/// company, and as from the functions `recommend` and `score`. A request alone is refused where its user is cold; among
/// others such a user's answer is marked and empty, so that it spoils nobody else's.
///
/// One call at a time: give each thread that serves on its own a Recommender with one thread and one slot.
template <class Model>
class Recommender {
 public:
  using Context = typename Model::Context;
  using Scalar = typename Context::Scalar;

  /// @param model     must stay as long as this, and not be trained meanwhile
  /// @param features  of the users and items that will be asked about, for models that read them (known_features); what
  ///                  they view must stay as well
  /// @throws ArgumentError  for an option out of range
  /// @throws NonFiniteError where the model's scores are NaN, as far as warming up meets them
  explicit Recommender(const Model& model, const RecommenderOptions& options = {},
                       const Features<HostSpace>& features = {})
      : team_(0, checked(options).team), server_(model, features, options.token_budget, options.users_at_once) {
    server_.prepare(options.team.slots);
    if (options.warm_up) warm_up(options, features);
  }
  Recommender(const Model&& model, const RecommenderOptions& options = {},
              const Features<HostSpace>& features = {}) = delete;

  /// The best items of each request.
  /// @throws DataError      for an item that the model's table does not have, or a profile that the features do not
  /// have
  /// @throws ArgumentError  for a count below 1, or other times than one an event where the model reads them
  /// @throws NonFiniteError where the score of an item that may be offered is NaN
  std::vector<Recommendations<Scalar>> recommend(std::span<const RecommendRequest> requests) {
    std::vector<Recommendations<Scalar>> answers(requests.size());
    server_.recommend(team_, requests, server_.model().num_items(), answers);
    return answers;
  }
  /// The same by original ids. What the model has never seen is left out and counted; rows without an id are not
  /// offered.
  /// @throws ArgumentError also for a model without a vocabulary
  std::vector<AnswerById<Scalar>> recommend(std::span<const RecommendRequestById> requests) {
    return recommend_ids(requests);
  }
  std::vector<AnswerById<Scalar>> recommend(std::span<const BasicRecommendRequest<std::string_view>> requests) {
    return recommend_ids(requests);
  }

  /// The scores of each request's candidates, in their order.   @throws as recommend
  std::vector<Scores<Scalar>> score(std::span<const ScoreRequest> requests) {
    std::vector<Scores<Scalar>> answers(requests.size());
    server_.score(team_, requests, answers);
    return answers;
  }
  /// The same by original ids: of the candidates that the model knows, in their order.
  std::vector<AnswerById<Scalar>> score(std::span<const ScoreRequestById> requests) { return score_ids(requests); }
  std::vector<AnswerById<Scalar>> score(std::span<const BasicScoreRequest<std::string_view>> requests) {
    return score_ids(requests);
  }

  // A request alone.

  /// @throws ArgumentError also for an empty history   @throws as the others
  std::vector<Recommendation<Scalar>> recommend(const RecommendRequest& request) {
    Recommendations<Scalar> answer;
    server_.recommend(team_, {&request, 1}, server_.model().num_items(), {&answer, 1});
    detail::refuse_cold("recommend", answer.cold);
    return std::move(answer.items);
  }
  std::vector<Scalar> score(const ScoreRequest& request) {
    Scores<Scalar> answer;
    server_.score(team_, {&request, 1}, {&answer, 1});
    detail::refuse_cold("score", answer.cold);
    return std::move(answer.scores);
  }
  template <class Text>
  AnswerById<Scalar> recommend(const BasicRecommendRequest<Text>& request) {
    AnswerById<Scalar> answer = std::move(recommend_ids(std::span(&request, 1)).front());
    detail::refuse_cold("recommend", answer.cold, request.history.size());
    return answer;
  }
  template <class Text>
  AnswerById<Scalar> score(const BasicScoreRequest<Text>& request) {
    AnswerById<Scalar> answer = std::move(score_ids(std::span(&request, 1)).front());
    detail::refuse_cold("score", answer.cold, request.history.size());
    return answer;
  }

 private:
  static const RecommenderOptions& checked(const RecommenderOptions& options) {
    check_options("Recommender", options);
    return options;
  }
  /// Answers as many long requests as make a full shard for every context; twice, because a context that had to grow
  /// takes its memory in one piece at the next shard.
  void warm_up(const RecommenderOptions& options, const Features<HostSpace>& features) {
    constexpr index_t longest = 1024, most_candidates = 1024;
    const Model& model = server_.model();
    const index_t length = std::min(model.max_length(), longest);
    const index_t of_shard = std::max<index_t>(users_together(model), options.token_budget / length);
    const std::vector<item_t> history(static_cast<std::size_t>(length), 0);
    const std::vector<item_t> candidates(static_cast<std::size_t>(most_candidates / of_shard + 1), 0);
    const auto users = static_cast<std::size_t>(options.team.slots * of_shard);
    const user_t profile = features.of_users ? 0 : -1;
    const std::vector<std::int64_t> times(history.size(), 0);
    for (int round = 0; round < 2; ++round) {
      if constexpr (CandidateEncoder<Model>)
        score(std::vector<ScoreRequest>(users, {history, candidates, profile, times}));
      else
        recommend(std::vector<RecommendRequest>(users, {history, 10, history, profile, times}));
    }
  }

  template <class Text>
  std::vector<AnswerById<Scalar>> recommend_ids(std::span<const BasicRecommendRequest<Text>> requests) {
    std::vector<AnswerById<Scalar>> answers(requests.size());
    ids_.recommend(server_, team_, requests, std::span(answers));
    return answers;
  }
  template <class Text>
  std::vector<AnswerById<Scalar>> score_ids(std::span<const BasicScoreRequest<Text>> requests) {
    std::vector<AnswerById<Scalar>> answers(requests.size());
    ids_.score(server_, team_, requests, std::span(answers));
    return answers;
  }

  typename Context::Team team_;
  detail::RequestServer<Model> server_;
  detail::IdServer<Model> ids_;
};

}  // namespace seqrec
