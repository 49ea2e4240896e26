// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "seqrec/autograd/tape.hpp"
#include "seqrec/data/batches/ranking_batch.hpp"
#include "seqrec/data/batches/to_space.hpp"
#include "seqrec/data/known_features.hpp"
#include "seqrec/evaluate/evaluate.hpp"
#include "seqrec/models/recurrent_encoder.hpp"
#include "seqrec/ops/gather_rows.hpp"
#include "seqrec/ops/rank_of_target.hpp"

namespace seqrec {

namespace detail {

/// The held-out events of one user: places first .. last-1 among all.
struct HeldOutEvents {
  index_t first, last;

  /// What is read for the last of them, and so for all.
  std::span<const item_t> history(const HeldOut& held_out) const { return held_out.history(last - 1); }
};

inline std::vector<HeldOutEvents> events_by_user(const HeldOut& held_out) {
  std::vector<HeldOutEvents> groups;
  for (index_t i = 0; i < held_out.size(); ++i) {
    const bool same = i > 0 && held_out.users.data()[i] == held_out.users.data()[i - 1];
    if (!same) groups.push_back({i, i});
    groups.back().last = i + 1;
  }
  return groups;
}

/// The ranks of all events of some sessions, from one reading of each.   @param ranks (held-out events)
template <class Context, class Model>
void rank_shard(Context& context, const Model& model, const HeldOut& held_out,
                const Batch<typename Context::Space>& histories, std::span<const HeldOutEvents> groups,
                std::vector<RankingMetrics::UserRank>& ranks) {
  std::vector<offset_t> rows;
  std::vector<item_t> targets;
  std::vector<index_t> places;
  offset_t begin = 0;
  for (const HeldOutEvents& group : groups) {
    for (index_t i = group.first; i < group.last; ++i) {
      const auto length = static_cast<offset_t>(held_out.history_lengths.data()[i]);
      rows.push_back(length == 0 ? -1 : begin + length - 1);
      targets.push_back(held_out.targets.data()[i]);
      places.push_back(i);
    }
    begin += static_cast<offset_t>(group.history(held_out).size());
  }
  const auto count = std::ssize(rows);
  const auto placed_rows = context.template vector<offset_t>(count);
  const auto placed_targets = context.template vector<item_t>(count);
  context.copy_from_host(placed_rows.data, rows.data(), count);
  context.copy_from_host(placed_targets.data, targets.data(), count);
  Tape<Context> tape(context, Mode::inference);
  const auto states = model.encode(tape, histories);
  const auto queries = context.matrix(count, states.columns());
  ops::gather_rows_forward(context, GatherRowsForward<Context>{states.value(), placed_rows, queries});
  const auto above = context.template vector<item_t>(count), ties = context.template vector<item_t>(count);
  ops::rank_of_target(context,
                      RankOfTarget<Context>{queries, model.item_head().view(tape), placed_targets, {}, above, ties});
  std::vector<item_t> host(static_cast<std::size_t>(2 * count));
  context.copy_to_host(host.data(), above.data, count);
  context.copy_to_host(host.data() + count, ties.data, count);
  for (index_t t = 0; t < count; ++t) {
    if (host.data()[t] < 0) throw NonFiniteError("evaluate_sessions: a score is NaN, expected a number");
    ranks.data()[places.data()[t]] = {average_rank(host.data()[t], host.data()[count + t]), model.num_items()};
  }
}

}  // namespace detail

/// The average ranks of held-out events among all items, seen or not, each session read once and not once an event: its
/// state begins at zero, and the state after an event is what ranks the next. In the order of `held_out`, and with the
/// bits of catalogue_ranks.
/// @param held_out  whose histories a model reads whole
template <class Team, RecurrentEncoder Model>
std::vector<RankingMetrics::UserRank> session_ranks(Team& team, const Model& model, const HeldOut& held_out,
                                                    const EvaluateOptions& options) {
  using Context = typename Model::Context;
  using Space = typename Context::Space;
  const std::vector<detail::HeldOutEvents> groups = detail::events_by_user(held_out);
  std::vector<RankingMetrics::UserRank> ranks(static_cast<std::size_t>(held_out.size()));
  HostRankingBatch batch({.num_items = model.num_items(),
                          .max_length = model.max_length(),
                          .token_budget = rows_of_shard<typename Model::Context::Team>(options.token_budget),
                          .fewest_users = users_together(model)},
                         known_features(*held_out.data));
  BatchTarget<Space> target(batch.constants());
  std::vector<RankingRequest> requests;
  std::vector<detail::HeldOutEvents> packed;
  for (std::size_t start = 0; start < groups.size(); start += requests.size()) {
    const std::size_t count = std::min(groups.size() - start, static_cast<std::size_t>(options.users_at_once));
    requests.clear();
    for (std::size_t i = start; i < start + count; ++i)
      requests.push_back(
          {groups[i].history(held_out), -1, {}, {}, static_cast<user_t>(held_out.users.data()[groups[i].first])});
    batch.pack(requests);
    packed.clear();
    for (const index_t request : batch.order()) packed.push_back(groups[start + static_cast<std::size_t>(request)]);
    team.run(to<Space>(batch, target, team.context().stream()),
             [&](Context& context, const RankingBatch<Space>& shard) {
               detail::rank_shard(context, model, held_out, shard.histories,
                                  std::span<const detail::HeldOutEvents>(packed).subspan(
                                      static_cast<std::size_t>(shard.histories.first_user),
                                      static_cast<std::size_t>(shard.histories.users())),
                                  ranks);
             });
  }
  return ranks;
}

/// `evaluate` of a recurrent model, quicker where many events of a session are held out and all items are ranked, seen
/// or not: what the literature on sessions calls Recall@20 and MRR@20. Other rankings, and histories longer than the
/// model reads, are evaluated event by event.
/// @throws as evaluate
template <class Team, RecurrentEncoder Model>
Evaluation evaluate_sessions(Team& team, const Model& model, const HeldOut& held_out, const EvaluateOptions& options) {
  const LeftOut left_out = check_evaluation(model, held_out, options);
  const index_t longest =
      held_out.size() == 0 ? 0 : *std::max_element(held_out.history_lengths.begin(), held_out.history_lengths.end());
  if (options.candidates != nullptr || options.seen != SeenItems::ranked || !left_out.targets.empty() ||
      longest > model.max_length())
    return evaluate(team, model, held_out, options);
  return detail::evaluated(
      held_out, options, [] { return std::vector<typename Model::Context::Scalar>(); },
      [&] { return session_ranks(team, model, held_out, options); });
}

/// The same with a team of its own.
template <RecurrentEncoder Model>
Evaluation evaluate_sessions(const Model& model, const HeldOut& held_out, const EvaluateOptions& options) {
  typename Model::Context::Team team(0, options.team);
  return evaluate_sessions(team, model, held_out, options);
}

}  // namespace seqrec
