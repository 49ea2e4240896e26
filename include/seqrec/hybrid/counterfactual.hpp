// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/options.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/features/feature_moment.hpp"
#include "seqrec/hybrid/hybrid_ranker.hpp"
#include "seqrec/serve/known_user.hpp"

namespace seqrec {

/// How far counterfactuals are looked for.
struct CounterfactualOptions {
  index_t top = 10;
  index_t recent = 10;
  index_t pairs = 5;

  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("top", top, at_least(1), "an item that is ranked lower than this is gone");
    visit("recent", recent, at_least(1), "changes are made to the last so many events");
    visit("pairs", pairs, at_least(0), "two events are left out together among the last so many");
  }
};

/// Something that a person could have done otherwise.
struct HistoryChange {
  enum class Kind {
    without,        ///< these events never happened
    last,           ///< this event, which happened before, is the last one
    without_genre,  ///< nothing of a genre among the last events
  };
  Kind kind = Kind::without;
  std::vector<index_t> positions{};  ///< in the moment's history: what is left out, or what comes last
  index_t genre = -1;                ///< of without_genre, in ItemKnowledge::genres()
};

/// The smallest change found that moves an item out of the first places, as scoring everything again says.
struct Counterfactual {
  HistoryChange change;
  index_t rank = 0;       ///< the item's before, among all candidates; 1 is the best
  index_t rank_then = 0;  ///< and after
  double score = 0, score_then = 0;
  std::string sentence{};
};

/// A moment after a change, with memory of its own.
class ChangedMoment {
 public:
  ChangedMoment(const FeatureMoment& before, const HistoryChange& change) : before_(before) {
    const auto is_changed = [&](index_t position) {
      return std::find(change.positions.begin(), change.positions.end(), position) != change.positions.end();
    };
    for (index_t i = 0; i < std::ssize(before.history); ++i)
      if (!is_changed(i)) add(i, i);
    // What comes last does so when the last event did, rated as it was.
    if (change.kind == HistoryChange::Kind::last)
      for (const index_t position : change.positions) add(position, std::ssize(before.history) - 1);
  }

  FeatureMoment view() const {
    FeatureMoment moment = before_;
    moment.history = history_;
    if (!before_.times.empty()) moment.times = times_;
    if (!before_.ratings.empty()) moment.ratings = ratings_;
    return moment;
  }

 private:
  void add(index_t position, index_t when) {
    history_.push_back(before_.history[static_cast<std::size_t>(position)]);
    if (!before_.times.empty()) times_.push_back(before_.times[static_cast<std::size_t>(when)]);
    if (!before_.ratings.empty()) ratings_.push_back(before_.ratings[static_cast<std::size_t>(position)]);
  }

  FeatureMoment before_;
  std::vector<item_t> history_;
  std::vector<std::int64_t> times_;
  std::vector<float> ratings_;
};

/// The changes that are tried, the smallest first: one recent event less, newest first; another recent event as the
/// last one; one genre less among the recent; two of the newest events less. A change that leaves no history is none.
inline std::vector<HistoryChange> history_changes(const ExplicitFeatures& features, const FeatureMoment& moment,
                                                  const CounterfactualOptions& options) {
  using Kind = HistoryChange::Kind;
  std::vector<HistoryChange> changes;
  const index_t events = std::ssize(moment.history), first = std::max<index_t>(0, events - options.recent);
  const auto add = [&](HistoryChange change) {
    if (change.kind == Kind::last || std::ssize(change.positions) < events) changes.push_back(std::move(change));
  };
  for (index_t i = events; i-- > first;) add({Kind::without, {i}});
  for (index_t i = events - 1; i-- > first;) add({Kind::last, {i}});
  const ItemKnowledge& items = features.facts().items;
  for (index_t genre = 0; genre < std::ssize(items.genres()); ++genre) {
    HistoryChange change{Kind::without_genre, {}, genre};
    for (index_t i = first; i < events; ++i)
      if (items.has_genre(moment.history[static_cast<std::size_t>(i)], genre)) change.positions.push_back(i);
    if (std::ssize(change.positions) > 1) add(std::move(change));  // of one event it has been tried
  }
  const index_t first_of_pair = std::max<index_t>(0, events - options.pairs);
  for (index_t i = events; i-- > first_of_pair;)
    for (index_t j = i; j-- > first_of_pair;) add({Kind::without, {j, i}});
  return changes;
}

namespace detail {

/// The place of each of some candidates by their scores, counted from 1; of equal scores the earlier one is ahead.
inline std::vector<index_t> ranks_of(std::span<const double> scores, index_t count) {
  std::vector<index_t> ranks;
  for (index_t i = 0; i < count; ++i) {
    index_t rank = 1;
    for (index_t other = 0; other < std::ssize(scores); ++other) {
      const double difference = scores[static_cast<std::size_t>(other)] - scores[static_cast<std::size_t>(i)];
      rank += difference > 0 || (difference == 0 && other < i);
    }
    ranks.push_back(rank);
  }
  return ranks;
}

inline std::string words_of(const ExplicitFeatures& features, const FeatureMoment& moment,
                            const HistoryChange& change) {
  const auto title = [&](index_t position) {
    return features.title(moment.history[static_cast<std::size_t>(position)]);
  };
  switch (change.kind) {
    case HistoryChange::Kind::without:
      return change.positions.size() == 1
                 ? concatenate("Without ", title(change.positions[0]))
                 : concatenate("Without ", title(change.positions[0]), " and ", title(change.positions[1]));
    case HistoryChange::Kind::last:
      return concatenate("Had ", title(change.positions[0]), " come last, in place of ",
                         title(std::ssize(moment.history) - 1));
    case HistoryChange::Kind::without_genre:
      return concatenate("Without the ", change.positions.size(), " ", features.options().items, " of the genre ",
                         features.facts().items.genres()[static_cast<std::size_t>(change.genre)],
                         " among your last ones");
  }
  return {};
}

}  // namespace detail

/// For each of the first candidates the smallest change to the user's recent history that moves it out of the first
/// `top` places, checked by scoring all candidates again; nothing where none of the changes does.
/// Each change that is tried costs a request of all candidates; those that are left over when every item has an answer
/// are not tried.
/// @param candidates  best first, as they were recommended; what the items are ranked among
/// @return (top, or as many as there are candidates)
/// @throws as HybridRanker::Scorer, ArgumentError for an option out of range
template <class Model>
std::vector<std::optional<Counterfactual>> counterfactuals(
    const HybridRanker<Model>& ranker, typename Model::Context& context, const FeatureMoment& moment,
    std::span<const item_t> candidates, const CounterfactualOptions& options = {}, const KnownUser& user = {}) {
  check_options("counterfactuals", options);
  typename HybridRanker<Model>::Scorer scorer(ranker, user.features);
  const index_t count = std::min(options.top, std::ssize(candidates));
  const std::vector<double> before = scorer(context, moment, candidates, user.profile);
  const std::vector<index_t> ranks = detail::ranks_of(before, count);
  std::vector<std::optional<Counterfactual>> found(static_cast<std::size_t>(count));
  index_t open = count;
  for (const HistoryChange& change : history_changes(ranker.features(), moment, options)) {
    if (open == 0) break;
    const ChangedMoment changed(moment, change);
    const std::vector<double> after = scorer(context, changed.view(), candidates, user.profile);
    const std::vector<index_t> ranks_then = detail::ranks_of(after, count);
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (found[i] || ranks_then[i] <= options.top) continue;
      --open;
      found[i] = {change,
                  ranks[i],
                  ranks_then[i],
                  before[i],
                  after[i],
                  concatenate(detail::words_of(ranker.features(), moment, change), ", this would be number ",
                              ranks_then[i], " and not number ", ranks[i], ".")};
    }
  }
  return found;
}

}  // namespace seqrec
