// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <iomanip>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "seqrec/autograd/tape.hpp"
#include "seqrec/core/team_options.hpp"
#include "seqrec/data/candidates.hpp"
#include "seqrec/data/ranking_batch.hpp"
#include "seqrec/data/split.hpp"
#include "seqrec/metrics/ranking.hpp"
#include "seqrec/models/static_encoder.hpp"
#include "seqrec/ops/elementwise.hpp"
#include "seqrec/ops/rank_of_target.hpp"
#include "seqrec/ops/score_candidates.hpp"

namespace seqrec {

/// How a model is evaluated.
struct EvaluateOptions {
  std::vector<int> top_k = {5, 10, 20};        ///< cut-offs
  const CandidateLists* candidates = nullptr;  ///< frozen lists of negatives; null ranks the whole catalogue
  TeamOptions team{};
  index_t users_at_once = 1024;  ///< packed together
  index_t token_budget = 256;    ///< rows of a shard
};

/// What an evaluation found.
struct Evaluation {
  RankingResult ranking;
  std::string protocol;  ///< in words
  double seconds = 0;

  /// A metric by name, e.g. evaluation["ndcg@10"].
  double operator[](std::string_view name) const { return ranking[name]; }
};

/// One line per metric.
inline std::ostream& operator<<(std::ostream& out, const Evaluation& evaluation) {
  out << evaluation.protocol << ", " << evaluation.ranking.users << " users\n";
  for (const RankingMetric& metric : evaluation.ranking.metrics)
    out << "  " << std::left << std::setw(10) << metric.name << std::right << ' '
        << concatenate(std::fixed, std::setprecision(4), metric.value, " +- ", metric.standard_error) << '\n';
  return out;
}

/// Refuses what `evaluate` could not do, without doing it: a training run asks before it begins.
/// @throws DataError when the data set has more items than the model, or candidates are for another split or data set
/// @throws ArgumentError when an option is out of range
template <class Model>
void check_evaluation(const Model& model, const HeldOut& held_out, const EvaluateOptions& options) {
  check_argument(options.users_at_once >= 1, "evaluate users_at_once", options.users_at_once, "at least 1");
  check_argument(options.token_budget >= 1, "evaluate token_budget", options.token_budget, "at least 1");
  RankingMetrics({options.top_k});
  if (held_out.data->num_items() > model.num_items())
    throw DataError(concatenate(held_out.data->name, ": has ", held_out.data->num_items(), " items, the model's table ",
                                model.num_items(), "; expected at most as many"));
  if (options.candidates == nullptr) return;
  const CandidateLists& given = *options.candidates;
  if (given.held_out != held_out.name || given.users != held_out.size())
    throw DataError(concatenate("evaluate: the candidates are for ", given.users, " users of \"", given.held_out,
                                "\", expected ", held_out.size(), " users of \"", held_out.name, "\""));
  if (const std::string hash = held_out.data->hash(); given.data_hash != hash)
    throw DataError(concatenate("evaluate: the candidates are for the data set with hash ", given.data_hash,
                                ", expected ", hash, " (", held_out.data->name, ")"));
}

/// The average ranks of held-out targets under a model, in the order of `held_out`.
///
/// The history is what came before the target, its last max_length events; every item of the whole history before the
/// target is left out of a full ranking.
template <class Team, class Model>
std::vector<RankingMetrics::UserRank> target_ranks(Team& team, const Model& model, const HeldOut& held_out,
                                                   const EvaluateOptions& options) {
  static_assert(StaticEncoder<Model>, "seqrec: evaluate needs a model with encode() and output_table()");
  using Context = typename Model::Context;
  using Space = typename Context::Space;
  check_evaluation(model, held_out, options);
  HostRankingBatch batch({model.num_items(), model.max_length(), options.token_budget});
  std::vector<RankingRequest> requests;
  std::vector<RankingMetrics::UserRank> ranks(static_cast<std::size_t>(held_out.size()));
  for (index_t start = 0; start < held_out.size(); start += options.users_at_once) {
    requests.clear();
    for (index_t i = start; i < std::min(held_out.size(), start + options.users_at_once); ++i) {
      RankingRequest request{held_out.history(i), held_out.targets[static_cast<std::size_t>(i)], {}, {}};
      if (options.candidates != nullptr)
        request.candidates = options.candidates->negatives(i);
      else
        request.exclusions = request.history;
      requests.push_back(request);
    }
    batch.pack(requests);
    team.run(batch, [&](Context& context, const RankingBatch<Space>& shard) {
      const index_t users = shard.histories.users(), first = shard.histories.first_user;
      Tape<Context> tape(context, Mode::inference);
      const auto states = model.encode(tape, shard.histories);
      const auto queries = context.matrix(users, states.columns());
      ops::last_rows(context, LastRows<Context>{states.value(), shard.histories.offsets(), queries});
      const auto table = tape.value(model.output_table());
      const auto leave = [&](index_t user, double rank) {
        const index_t request = batch.order()[static_cast<std::size_t>(first + user)];
        ranks[static_cast<std::size_t>(start + request)] = {rank, batch.num_ranked(request)};
      };
      if (shard.candidates) {
        const auto scores = context.vector(shard.candidates.size());
        ops::score_candidates(context, ScoreCandidates<Context>{queries, table, shard.candidates, scores});
        std::vector<typename Context::Scalar> host(static_cast<std::size_t>(scores.size()));
        Memory<Space>::copy_to_host(host.data(), scores.data, host.size() * sizeof(host[0]));
        const typename Context::Scalar* of_user = host.data();
        for (index_t user = 0; user < users; ++user) {
          const index_t ranked = batch.num_ranked(batch.order()[static_cast<std::size_t>(first + user)]);
          leave(user, average_rank_among(of_user[0], std::span<const typename Context::Scalar>(
                                                         of_user + 1, static_cast<std::size_t>(ranked - 1))));
          of_user += ranked;
        }
      } else {
        const auto above = context.template vector<item_t>(users), ties = context.template vector<item_t>(users);
        ops::rank_of_target(context,
                            RankOfTarget<Context>{queries, table, shard.targets, shard.exclusions, above, ties});
        std::vector<item_t> host(static_cast<std::size_t>(2 * users));
        Memory<Space>::copy_to_host(host.data(), above.data, static_cast<std::size_t>(users) * sizeof(item_t));
        Memory<Space>::copy_to_host(host.data() + users, ties.data, static_cast<std::size_t>(users) * sizeof(item_t));
        for (index_t user = 0; user < users; ++user)
          leave(user, average_rank(host[static_cast<std::size_t>(user)], host[static_cast<std::size_t>(users + user)]));
      }
    });
  }
  return ranks;
}

/// HR, NDCG, MRR and Recall at K and per-user AUC of a model on held-out items: by default a full ranking of the
/// catalogue without what the user has already seen, ties at the average rank (docs/protocol.md).
template <class Team, class Model>
Evaluation evaluate(Team& team, const Model& model, const HeldOut& held_out, const EvaluateOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  RankingMetrics metrics({options.top_k});
  for (const auto& user : target_ranks(team, model, held_out, options)) metrics.add(user.rank, user.candidates);
  Evaluation evaluation;
  evaluation.ranking = metrics.result();
  evaluation.protocol =
      options.candidates != nullptr
          ? concatenate(held_out.name, ", 1 + ", options.candidates->options.negatives, " sampled candidates")
          : concatenate(held_out.name, ", full ranking without seen items");
  evaluation.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return evaluation;
}

/// The same with a team of its own.
template <class Model>
Evaluation evaluate(const Model& model, const HeldOut& held_out, const EvaluateOptions& options = {}) {
  typename Model::Context::Team team(0, options.team);
  return evaluate(team, model, held_out, options);
}

}  // namespace seqrec
