// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "seqrec/core/item_set.hpp"
#include "seqrec/core/random.hpp"
#include "seqrec/core/share_work.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/data/batches/sampling.hpp"
#include "seqrec/data/known_features.hpp"
#include "seqrec/data/splits/split.hpp"
#include "seqrec/evaluate/candidate_lists.hpp"
#include "seqrec/features/feature_moment.hpp"
#include "seqrec/hybrid/hybrid_columns.hpp"
#include "seqrec/trees/tree_rows.hpp"

namespace seqrec {

/// Events with what each is told from: the item that was taken stands among items that were not.
struct EventLists {
  std::vector<index_t> events;   ///< places among the held-out
  std::vector<item_t> items;     ///< of every list, one after another
  std::vector<index_t> groups;   ///< items of each list
  std::vector<index_t> targets;  ///< where in its list the event's item stands

  index_t size() const { return std::ssize(events); }
};

namespace detail {

/// Puts a target among its negatives, at a place that says nothing: the order of rows must not.
inline void add_list(EventLists& lists, index_t event, item_t target, std::vector<item_t> negatives,
                     RandomStream& random) {
  const auto place = static_cast<index_t>(random.below(static_cast<std::uint32_t>(negatives.size() + 1)));
  negatives.insert(negatives.begin() + place, target);
  lists.events.push_back(event);
  lists.items.insert(lists.items.end(), negatives.begin(), negatives.end());
  lists.groups.push_back(std::ssize(negatives));
  lists.targets.push_back(place);
}

}  // namespace detail

/// Negatives for events: each event's are different items, drawn uniformly from those that its user has not had in
/// training (docs/protocol.md: held-out items stay possible). Who has fewer unseen items gets these; events without any
/// are left out. A function of (seed, event).
/// @param split  whose training events count as seen
inline EventLists draw_event_lists(const HeldOut& events, const Split& split, index_t negatives, std::uint64_t seed) {
  EventLists lists;
  ItemSet seen(split.data->num_items());
  for (index_t i = 0; i < events.size(); ++i) {
    const index_t user = events.users.data()[i];
    const item_t target = events.targets.data()[i];
    RandomStream random(seed, Purpose::tree_negatives, static_cast<std::uint64_t>(i));
    seen.clear();
    seen.insert(split.train_history(user));
    seen.insert(target);
    const index_t count = std::min(negatives, seen.num_items() - seen.size());
    std::vector<item_t> drawn;
    while (std::ssize(drawn) < count) {
      drawn.push_back(draw_item_outside(seen, random));
      seen.insert(drawn.back());
    }
    if (!drawn.empty()) detail::add_list(lists, i, target, std::move(drawn), random);
  }
  return lists;
}

/// The lists of frozen candidates.
inline EventLists event_lists(const HeldOut& events, const CandidateLists& candidates) {
  EventLists lists;
  for (index_t i = 0; i < events.size(); ++i) {
    const std::span<const item_t> negatives = candidates.negatives(i);
    RandomStream random(candidates.options.seed, Purpose::tree_negatives, static_cast<std::uint64_t>(i));
    if (!negatives.empty())
      detail::add_list(lists, i, events.targets.data()[i], {negatives.begin(), negatives.end()}, random);
  }
  return lists;
}

/// Rows of lists, as trees are trained on them.
struct EventRows {
  std::vector<float> values;  ///< (rows, columns)
  std::vector<float> labels;  ///< (rows) 1 for what was taken
  std::vector<index_t> groups;
  index_t columns = 0;

  TreeRows<float> rows() const { return {values, columns}; }
  TreeLabels targets() const { return {labels, groups}; }
};

/// Computes them on several threads; the same bits on any number.
/// @throws as HybridColumns::Worker
template <class Model>
EventRows event_rows(const HybridColumns<Model>& columns, const HeldOut& events, const EventLists& lists,
                     int threads = 0) {
  EventRows rows;
  rows.columns = columns.schema().size();
  rows.groups = lists.groups;
  rows.labels.resize(lists.items.size());
  rows.values.resize(lists.items.size() * static_cast<std::size_t>(rows.columns));
  std::vector<std::size_t> begin{0};
  for (const index_t group : lists.groups) begin.push_back(begin.back() + static_cast<std::size_t>(group));
  share_work(lists.size(), threads, [&](index_t first, index_t last) {
    typename Model::Context context;
    typename HybridColumns<Model>::Worker worker(columns, known_features(*events.data));
    for (index_t l = first; l < last; ++l) {
      const auto list = static_cast<std::size_t>(l);
      const index_t event = lists.events[list];
      const auto items = std::span(lists.items).subspan(begin[list], begin[list + 1] - begin[list]);
      const auto found =
          worker.rows(context, moment_of(events, event), static_cast<user_t>(events.users.data()[event]), items);
      std::copy(found.begin(), found.end(),
                rows.values.begin() + static_cast<std::ptrdiff_t>(begin[list]) * rows.columns);
      rows.labels[begin[list] + static_cast<std::size_t>(lists.targets[list])] = 1;
    }
  });
  return rows;
}

}  // namespace seqrec
