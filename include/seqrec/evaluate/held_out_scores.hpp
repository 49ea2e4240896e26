// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <vector>

#include "seqrec/autograd/tape.hpp"
#include "seqrec/data/batches/ranking_batch.hpp"
#include "seqrec/data/batches/to_space.hpp"
#include "seqrec/data/known_features.hpp"
#include "seqrec/evaluate/evaluation.hpp"
#include "seqrec/evaluate/rank_in_catalogue.hpp"
#include "seqrec/models/candidate_encoder.hpp"
#include "seqrec/ops/rank_of_target.hpp"
#include "seqrec/serve/candidate_scores.hpp"
#include "seqrec/serve/catalogue_scorer.hpp"
#include "seqrec/serve/last_states.hpp"

namespace seqrec {

namespace detail {

/// Which of the held-out users one of a shard's is, its place among those who are ranked, and how many items are ranked
/// for it.
struct RankedUser {
  index_t index;
  index_t place;
  index_t ranked;
};

/// Packs the held-out users who are ranked, a few at a time, deals them to the team and calls
/// work(context, shard, ranked_user), where ranked_user(i) says who the shard's i-th user is.
/// @param left_out  as check_evaluation found it
template <class Team, class Model, class Work>
void for_held_out(Team& team, const Model& model, const HeldOut& held_out, const EvaluateOptions& options,
                  const LeftOut& left_out, Work work) {
  using Context = typename Model::Context;
  HostRankingBatch batch({.num_items = model.num_items(),
                          .max_length = model.max_length(),
                          .token_budget = rows_of_shard<typename Model::Context::Team>(options.token_budget),
                          .fewest_users = users_together(model)},
                         known_features(*held_out.data), times_option(model));
  BatchTarget<typename Context::Space> target(batch.constants());
  std::vector<RankingRequest> requests;
  std::vector<index_t> indices;  // of the requests
  index_t i = 0;
  for (index_t start = 0; i < held_out.size(); start += std::ssize(requests)) {
    requests.clear();
    indices.clear();
    for (; i < held_out.size() && std::ssize(requests) < options.users_at_once; ++i) {
      if (left_out.contains(i)) continue;
      RankingRequest request{
          held_out.history(i), held_out.targets.data()[i], {}, {}, static_cast<user_t>(held_out.users.data()[i]),
          held_out.times(i)};
      if (options.candidates != nullptr)
        request.candidates = options.candidates->negatives(i);
      else
        request.exclusions = exclusions(held_out, i, options.seen);
      requests.push_back(request);
      indices.push_back(i);
    }
    if (requests.empty()) return;
    batch.pack(requests);
    team.run(to<typename Context::Space>(batch, target, team.context().stream()),
             [&](Context& context, const RankingBatch<typename Context::Space>& shard) {
               work(context, shard, [&, first = shard.histories.first_user](index_t user) {
                 const index_t request = batch.order().data()[first + user];
                 return RankedUser{indices.data()[request], start + request, batch.num_ranked(request)};
               });
             });
  }
}

}  // namespace detail

/// The scores of frozen candidates under a model: for each held-out target that has a list, in order, its own and those
/// of its negatives.
/// @return (lists, 1 + negatives)   @throws as check_evaluation, ArgumentError without candidates
template <class Team, class Model>
std::vector<typename Model::Context::Scalar> candidate_scores(Team& team, const Model& model, const HeldOut& held_out,
                                                              const EvaluateOptions& options) {
  using Context = typename Model::Context;
  using Scalar = typename Context::Scalar;
  check_argument(options.candidates != nullptr, "candidate_scores candidates", "null", "frozen lists");
  const index_t columns = 1 + options.candidates->options.negatives;
  const LeftOut left_out = check_evaluation(model, held_out, options);
  std::vector<Scalar> all(static_cast<std::size_t>(options.candidates->lists() * columns));
  detail::for_held_out(
      team, model, held_out, options, left_out,
      [&](Context& context, const RankingBatch<typename Context::Space>& shard, const auto& ranked_user) {
        Tape<Context> tape(context, Mode::inference);
        const vector_of<Context> scores = scores_of_candidates(tape, model, shard);
        for (index_t user = 0; user < shard.histories.users(); ++user)
          context.copy_to_host(all.data() + ranked_user(user).place * columns, scores.data + user * columns, columns);
      });
  return all;
}

/// The average ranks of held-out targets among the whole catalogue, in the order of `held_out` and without those that
/// are left out.
///
/// The history is what came before the target, its last max_length events; every item of the whole history before the
/// target is left out of the ranking, or none is (EvaluateOptions::seen).
/// @throws as check_evaluation, NonFiniteError for a score that is NaN
template <class Team, class Model>
std::vector<RankingMetrics::UserRank> catalogue_ranks(Team& team, const Model& model, const HeldOut& held_out,
                                                      const EvaluateOptions& options) {
  using Context = typename Model::Context;
  using Space = typename Context::Space;
  const LeftOut left_out = check_evaluation(model, held_out, options);
  std::vector<RankingMetrics::UserRank> ranks(static_cast<std::size_t>(held_out.size()) - left_out.targets.size());
  detail::for_held_out(
      team, model, held_out, options, left_out,
      [&](Context& context, const RankingBatch<Space>& shard, const auto& ranked_user) {
        const index_t users = shard.histories.users();
        if constexpr (CandidateEncoder<Model>) {
          CatalogueScorer<Model> scorer;
          ItemSet distinct(model.num_items());
          for (index_t user = 0; user < users; ++user) {
            const detail::RankedUser of = ranked_user(user);
            ranks[static_cast<std::size_t>(of.place)] =
                rank_in_catalogue(scorer(context, model, shard.histories, user), held_out.targets.data()[of.index],
                                  detail::exclusions(held_out, of.index, options.seen), distinct);
          }
        } else {
          Tape<Context> tape(context, Mode::inference);
          const auto above = context.template vector<item_t>(users), ties = context.template vector<item_t>(users);
          ops::rank_of_target(
              context, RankOfTarget<Context>{last_states(tape, model, shard.histories), model.item_head().view(tape),
                                             shard.targets, shard.exclusions, above, ties});
          std::vector<item_t> host(static_cast<std::size_t>(2 * users));
          context.copy_to_host(host.data(), above.data, users);
          context.copy_to_host(host.data() + users, ties.data, users);
          for (index_t user = 0; user < users; ++user) {
            const detail::RankedUser of = ranked_user(user);
            if (host.data()[user] < 0) throw NonFiniteError("catalogue_ranks: a score is NaN, expected a number");
            ranks[static_cast<std::size_t>(of.place)] = {average_rank(host.data()[user], host.data()[users + user]),
                                                         of.ranked};
          }
        }
      });
  return ranks;
}

}  // namespace seqrec
