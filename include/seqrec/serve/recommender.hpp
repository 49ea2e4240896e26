// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "seqrec/core/options.hpp"
#include "seqrec/core/team_options.hpp"
#include "seqrec/serve/cold.hpp"
#include "seqrec/serve/id_server.hpp"
#include "seqrec/serve/lending.hpp"
#include "seqrec/serve/packed_catalogue.hpp"
#include "seqrec/serve/request_server.hpp"

namespace seqrec {

/// How a Recommender works. No answer depends on it, unless products are bf16: then the best items are found, and told,
/// by scores that are off by some thousandths of the largest (of packed items, by a model of floats on the CPU).
struct RecommenderOptions {
  TeamOptions team{};
  index_t users_at_once = 1024;
  index_t token_budget = 256;
  bool warm_up = true;
  bool pack_items = true;
  int callers = 1;

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("", team);
    visit("users_at_once", users_at_once, at_least(1), "users that are packed together", OptionEffect::none);
    visit("token_budget", token_budget, at_least(1), "rows of a shard", OptionEffect::none);
    visit("warm_up", warm_up, any(), "whether construction makes up requests, or buffers grow with the first",
          OptionEffect::none);
    visit("pack_items", pack_items, any(),
          "whether the item table is laid out once more for scoring, in as much memory again", OptionEffect::none);
    visit("callers", callers, at_least(1), "calls at the same time that find threads or buffers ready",
          OptionEffect::none);
  }
};

template <class Model>
class UserState;

/// Serves a model: recommends to and scores for any number of users at a time, on several threads, by rows of the
/// model's table or by original ids. Keeps its threads, contexts and buffers, and what is known of users and items
/// where the model reads it, from call to call: a call of a size seen before allocates nothing but its answer.
///
/// Answers come in the order of the requests and have the same bits whatever the number of threads, alone or in
/// company, and as from the functions `recommend` and `score`. A request alone is refused where its user is cold; among
/// others such a user's answer is marked and empty, so that it spoils nobody else's.
///
/// Any number of threads may call at the same time. One of them has the team's threads to help it; each other answers
/// on its own thread, with a context and buffers of its own, which stay for later calls.
template <class Model>
class Recommender {
 public:
  using Context = typename Model::Context;
  using Scalar = typename Context::Scalar;

  /// @param model     must stay as long as this; see refresh()
  /// @param features  of the users and items that will be asked about, for models that read them (known_features); what
  ///                  they view must stay as well
  /// @throws ArgumentError  for an option out of range
  /// @throws NonFiniteError where the model's scores are NaN, as far as warming up meets them
  explicit Recommender(const Model& model, const RecommenderOptions& options = {},
                       const Features<HostSpace>& features = {})
      : model_(&model), options_(checked(options)), features_(features), first_(*this, options.team) {
    refresh();
    warm_up(first_);
    desks_.prepare(options.callers - 1, [this] { return another(); });
  }
  Recommender(const Model&& model, const RecommenderOptions& options = {},
              const Features<HostSpace>& features = {}) = delete;

  /// Reads the model anew, after it has been trained further: its item table is laid out again. Nobody may be calling
  /// from the first change of a weight on until this has returned.
  void refresh() {
    if (options_.pack_items) catalogue_.pack(first_.team.context(), *model_);
  }

  /// The best items of each request.
  /// @throws DataError      for an item that the model's table does not have, or a profile that the features do not
  /// have
  /// @throws ArgumentError  for a count below 1, or other times than one an event where the model reads them
  /// @throws NonFiniteError where the score of an item that may be offered is NaN
  std::vector<Recommendations<Scalar>> recommend(std::span<const RecommendRequest> requests) const {
    std::vector<Recommendations<Scalar>> answers(requests.size());
    recommend(requests, answers);
    return answers;
  }
  /// The same in answers of the caller's, one for each request, whose memory is used again.
  /// @throws ArgumentError also for another number of answers
  void recommend(std::span<const RecommendRequest> requests, std::span<Recommendations<Scalar>> answers) const {
    check_answers(answers.size(), requests.size());
    at_desk([&](Desk& desk) { desk.server.recommend(desk.team, requests, model_->num_items(), answers); });
  }
  /// The same by original ids. What the model has never seen is left out and counted; rows without an id are not
  /// offered.
  /// @throws ArgumentError also for a model without a vocabulary
  std::vector<AnswerById<Scalar>> recommend(std::span<const RecommendRequestById> requests) const {
    return recommend_ids(requests);
  }
  std::vector<AnswerById<Scalar>> recommend(std::span<const BasicRecommendRequest<std::string_view>> requests) const {
    return recommend_ids(requests);
  }

  /// The scores of each request's candidates, in their order.   @throws as recommend
  std::vector<Scores<Scalar>> score(std::span<const ScoreRequest> requests) const {
    std::vector<Scores<Scalar>> answers(requests.size());
    score(requests, answers);
    return answers;
  }
  void score(std::span<const ScoreRequest> requests, std::span<Scores<Scalar>> answers) const {
    check_answers(answers.size(), requests.size());
    at_desk([&](Desk& desk) { desk.server.score(desk.team, requests, answers); });
  }
  /// The same by original ids: of the candidates that the model knows, in their order.
  std::vector<AnswerById<Scalar>> score(std::span<const ScoreRequestById> requests) const {
    return score_ids(requests);
  }
  std::vector<AnswerById<Scalar>> score(std::span<const BasicScoreRequest<std::string_view>> requests) const {
    return score_ids(requests);
  }

  // A request alone.

  /// @throws ArgumentError also for an empty history   @throws as the others
  std::vector<Recommendation<Scalar>> recommend(const RecommendRequest& request) const {
    Recommendations<Scalar> answer;
    recommend({&request, 1}, {&answer, 1});
    detail::refuse_cold("recommend", answer.cold);
    return std::move(answer.items);
  }
  std::vector<Scalar> score(const ScoreRequest& request) const {
    Scores<Scalar> answer;
    score({&request, 1}, {&answer, 1});
    detail::refuse_cold("score", answer.cold);
    return std::move(answer.scores);
  }
  template <class Text>
  AnswerById<Scalar> recommend(const BasicRecommendRequest<Text>& request) const {
    AnswerById<Scalar> answer = std::move(recommend_ids(std::span(&request, 1)).front());
    detail::refuse_cold("recommend", answer.cold, request.history.size());
    return answer;
  }
  template <class Text>
  AnswerById<Scalar> score(const BasicScoreRequest<Text>& request) const {
    AnswerById<Scalar> answer = std::move(score_ids(std::span(&request, 1)).front());
    detail::refuse_cold("score", answer.cold, request.history.size());
    return answer;
  }

 private:
  template <class>
  friend class UserState;

  /// What one call needs to itself.
  struct Desk {
    typename Context::Team team;
    int slots;
    detail::RequestServer<Model> server;
    detail::IdServer<Model> ids;

    Desk(const Recommender& of, const TeamOptions& options)
        : team(0, options),
          slots(options.slots),
          server(*of.model_, of.features_, of.options_.token_budget, of.options_.users_at_once, &of.catalogue_) {
      server.prepare(options.slots);
    }
  };

  static const RecommenderOptions& checked(const RecommenderOptions& options) {
    check_options("Recommender", options);
    return options;
  }
  static void check_answers(std::size_t answers, std::size_t requests) {
    if (answers != requests)
      throw ArgumentError(
          concatenate("Recommender answers is ", answers, ", expected ", requests, ", one for each request"));
  }

  /// Calls work(desk) at a desk that nobody else has: the first one, which has the team's threads, where it is free.
  template <class Work>
  void at_desk(Work work) const {
    if (const std::unique_lock lock(first_is_taken_, std::try_to_lock); lock) return work(first_);
    desks_.with([this] { return another(); }, work);
  }
  /// A desk for a caller's thread alone.
  std::unique_ptr<Desk> another() const {
    TeamOptions alone = options_.team;
    alone.threads = alone.slots = 1;
    auto desk = std::make_unique<Desk>(*this, alone);
    warm_up(*desk);
    return desk;
  }

  /// Answers as many long requests as make a full shard for every context; twice, because a context that had to grow
  /// takes its memory in one piece at the next shard.
  void warm_up(Desk& desk) const {
    if (!options_.warm_up) return;
    constexpr index_t longest = 1024;
    const index_t length = std::min(model_->max_length(), longest);
    const index_t of_shard = std::max<index_t>(users_together(*model_), options_.token_budget / length);
    const std::vector<item_t> history(static_cast<std::size_t>(length), 0);
    const auto users = static_cast<std::size_t>(desk.slots * of_shard);
    const user_t profile = features_.of_users ? 0 : -1;
    const std::vector<std::int64_t> times(history.size(), 0);
    for (int round = 0; round < 2; ++round) {
      if constexpr (CandidateEncoder<Model>) {
        const std::vector<item_t> candidates(detail::RequestServer<Model>::candidate_budget, 0);
        std::vector<Scores<Scalar>> answers(users);
        desk.server.score(desk.team, std::vector<ScoreRequest>(users, {history, candidates, profile, times}), answers);
      } else {
        std::vector<Recommendations<Scalar>> answers(users);
        desk.server.recommend(desk.team, std::vector<RecommendRequest>(users, {history, 10, history, profile, times}),
                              model_->num_items(), answers);
      }
    }
  }

  template <class Text>
  std::vector<AnswerById<Scalar>> recommend_ids(std::span<const BasicRecommendRequest<Text>> requests) const {
    std::vector<AnswerById<Scalar>> answers(requests.size());
    at_desk([&](Desk& desk) { desk.ids.recommend(desk.server, desk.team, requests, std::span(answers)); });
    return answers;
  }
  template <class Text>
  std::vector<AnswerById<Scalar>> score_ids(std::span<const BasicScoreRequest<Text>> requests) const {
    std::vector<AnswerById<Scalar>> answers(requests.size());
    at_desk([&](Desk& desk) { desk.ids.score(desk.server, desk.team, requests, std::span(answers)); });
    return answers;
  }

  const Model* model_;
  RecommenderOptions options_;
  Features<HostSpace> features_;
  detail::PackedCatalogue<Model> catalogue_;
  mutable std::mutex first_is_taken_;
  mutable Desk first_;
  mutable detail::Lending<Desk> desks_;  ///< for who comes while the first is taken
};

}  // namespace seqrec
