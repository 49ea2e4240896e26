// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <vector>

#include "seqrec/autograd/tape.hpp"
#include "seqrec/data/batches/ranking_batch.hpp"
#include "seqrec/data/batches/to_space.hpp"
#include "seqrec/serve/best_items.hpp"
#include "seqrec/serve/candidate_scores.hpp"
#include "seqrec/serve/lending.hpp"
#include "seqrec/serve/requests.hpp"

namespace seqrec::detail {

/// Answers requests by rows of the model's table: all that is kept from one call to the next beside the contexts that
/// do the work. Requests are checked all together before any is answered; answers have the same bits whoever asks
/// beside them.
template <class Model>
class RequestServer {
 public:
  using Context = typename Model::Context;
  using Scalar = typename Context::Scalar;
  using Space = typename Context::Space;

  /// Candidates of a shard: their activations should stay in cache. Fewer where each of them looks at the history:
  /// those of one user are dealt to several threads then, which all read his history.
  static constexpr index_t candidate_budget = CandidateEncoder<Model> ? 256 : 4096;

  /// @param model, features  must stay as long as this   @param users_at_once  that are packed together
  /// @param catalogue  the model's items, laid out for being scored, or null; must stay as long as this
  RequestServer(const Model& model, const Features<HostSpace>& features, index_t token_budget, index_t users_at_once,
                const PackedCatalogue<Model>* catalogue = nullptr)
      : model_(&model),
        catalogue_(catalogue),
        batch_({model.num_items(), model.max_length(), token_budget, candidate_budget, users_together(model)}, features,
               times_option(model)),
        target_(batch_.constants()),
        users_at_once_(users_at_once) {}

  const Model& model() const { return *model_; }

  /// Makes what each of so many contexts needs beside itself.
  void prepare(int contexts) {
    best_.prepare(contexts, [&] { return std::make_unique<BestItems<Model>>(*model_, catalogue_); });
  }

  /// @param offered  only the catalogue's first so many items are   @param answers  one for each request
  template <class Team>
  void recommend(Team& team, std::span<const RecommendRequest> requests, index_t offered,
                 std::span<Recommendations<Scalar>> answers) {
    asked_.clear();
    for (std::size_t i = 0; i < requests.size(); ++i) {
      if (requests[i].count < 1)
        throw ArgumentError(
            concatenate("recommend request ", i, ": count is ", requests[i].count, ", expected at least 1"));
      asked_.push_back({requests[i].history, -1, requests[i].exclusions, {}, requests[i].profile, requests[i].times});
    }
    choose([&](std::size_t i, bool cold) {
      answers[i].items.clear();
      answers[i].cold = cold;
      return !cold;
    });
    run(team, [&](Context& context, const RankingBatch<Space>& shard, const auto& request_of) {
      best_.with([&] { return std::make_unique<BestItems<Model>>(*model_, catalogue_); },
                 [&](BestItems<Model>& best) {
                   best(
                       context, *model_, shard, offered,
                       [&](index_t user) {
                         const RecommendRequest& request = requests[request_of(user).number];
                         return WantedItems{request.count, request.exclusions};
                       },
                       [&](index_t user, std::span<const Recommendation<Scalar>> items) {
                         const std::size_t request = request_of(user).number;
                         if (!items.empty()) check_number("recommend", request, items.front().score);
                         answers[request].items.assign(items.begin(), items.end());
                       });
                 });
    });
  }

  /// The best items for a user whose state is known, of all the catalogue.
  /// @param state (1, D)   @param answer  written   @throws NonFiniteError where the score of one of them is NaN
  void recommend_after(Context& context, const_matrix_of<Context> state, const WantedItems& wanted,
                       std::vector<Recommendation<Scalar>>& answer) {
    const offset_t ends[] = {0, static_cast<offset_t>(wanted.exclusions.size())};
    const Jagged<const item_t, Space> exclusions{{wanted.exclusions.data(), ends[1]}, {ends, 2}};
    best_.with([&] { return std::make_unique<BestItems<Model>>(*model_, catalogue_); },
               [&](BestItems<Model>& best) {
                 Tape<Context> tape(context, Mode::inference);
                 best.after_states(
                     tape, *model_, state, exclusions, model_->num_items(), [&](index_t) { return wanted; },
                     [&](index_t, std::span<const Recommendation<Scalar>> items) {
                       if (!items.empty()) check_number("recommend", 0, items.front().score);
                       answer.assign(items.begin(), items.end());
                     });
               });
  }

  /// @param answers  one for each request
  template <class Team>
  void score(Team& team, std::span<const ScoreRequest> requests, std::span<Scores<Scalar>> answers) {
    asked_.clear();
    for (const ScoreRequest& request : requests)
      asked_.push_back({request.history, -1, {}, request.candidates, request.profile, request.times});
    choose([&](std::size_t i, bool cold) {
      answers[i].scores.resize(cold ? 0 : requests[i].candidates.size());
      answers[i].cold = cold;
      return !answers[i].scores.empty();
    });
    run(team, [&](Context& context, const RankingBatch<Space>& shard, const auto& request_of) {
      Tape<Context> tape(context, Mode::inference);
      const Scalar* scores = scores_of_candidates(tape, *model_, shard).data;
      for (index_t user = 0; user < shard.histories.users(); ++user) {
        const Part part = request_of(user);
        const std::span answer = std::span(answers[part.number].scores).subspan(part.first, part.count);
        context.copy_to_host(answer.data(), scores, std::ssize(answer));
        scores += answer.size();
        for (const Scalar score : answer) check_number("score", part.number, score);
      }
    });
  }

 private:
  /// A request, or some of its candidates.
  struct Part {
    std::size_t number;  ///< of the request
    std::size_t first, count;
  };

  static void check_number(const char* what, std::size_t request, Scalar score) {
    if (std::isnan(score))
      throw NonFiniteError(concatenate(what, " request ", request,
                                       ": a score is NaN, expected numbers; hint: are the model's weights finite?"));
  }

  /// Checks all requests, and notes which are to be worked on.   @param work  work(i, cold) says whether number i is
  template <class Work>
  void choose(Work work) {
    batch_.check(asked_);
    chosen_.clear();
    for (std::size_t i = 0; i < asked_.size(); ++i)
      if (work(i, asked_[i].history.empty())) choose_parts(i);
  }

  /// A request's candidates in parts of about the same size, each no more than a shard holds.
  void choose_parts(std::size_t request) {
    constexpr auto most = static_cast<std::size_t>(candidate_budget);
    const auto& candidates = asked_[request].candidates;
    const std::size_t all = candidates ? candidates->size() : 0,
                      parts = std::max<std::size_t>(1, (all + most - 1) / most);
    for (std::size_t part = 0; part < parts; ++part) {
      const std::size_t first = all * part / parts;
      chosen_.push_back({request, first, all * (part + 1) / parts - first});
    }
  }

  /// Packs the chosen requests, some at a time, and calls work(context, shard, request_of) for each shard, where
  /// request_of(user) is what a shard's user is of the requests.
  template <class Team, class Work>
  void run(Team& team, Work work) {
    const auto at_once = static_cast<std::size_t>(users_at_once_);
    for (std::size_t start = 0; start < chosen_.size(); start += at_once) {
      packed_.clear();
      for (std::size_t i = start; i < std::min(chosen_.size(), start + at_once); ++i) {
        packed_.push_back(asked_[chosen_[i].number]);
        if (auto& candidates = packed_.back().candidates)
          candidates = candidates->subspan(chosen_[i].first, chosen_[i].count);
      }
      batch_.pack(packed_);
      team.run(to<Space>(batch_, target_, team.context().stream()),
               [&](Context& context, const RankingBatch<Space>& shard) {
                 const auto request_of = [&, first = shard.histories.first_user](index_t user) {
                   return chosen_[start + static_cast<std::size_t>(batch_.order().data()[first + user])];
                 };
                 work(context, shard, request_of);
               });
    }
  }

  const Model* model_;
  const PackedCatalogue<Model>* catalogue_;
  HostRankingBatch batch_;
  BatchTarget<Space> target_;
  index_t users_at_once_;
  Lending<BestItems<Model>> best_;
  std::vector<RankingRequest> asked_, packed_;
  std::vector<Part> chosen_;  ///< what is to be worked on
};

}  // namespace seqrec::detail
