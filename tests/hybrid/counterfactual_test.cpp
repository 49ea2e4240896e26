// SPDX-License-Identifier: Apache-2.0
#include "seqrec/hybrid/counterfactual.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/hybrids.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

/// All items that a user of the test has not had, best first.
std::vector<item_t> ranked(const HybridRanker<HybridDin>& ranker, index_t event) {
  const Split& split = hybrid_split();
  HybridContext context;
  std::vector<item_t> items;
  const auto history = split.test.history(event);
  for (item_t item = 0; item < 50; ++item)
    if (std::find(history.begin(), history.end(), item) == history.end()) items.push_back(item);
  const std::vector<double> scores = score(ranker, context, moment_of(split.test, event), items);
  std::vector<std::size_t> order(items.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  std::vector<item_t> best;
  for (const std::size_t i : order) best.push_back(items[i]);
  return best;
}

}  // namespace

TEST_CASE("a change makes the history that a person would have had") {
  const std::vector<item_t> history = {5, 6, 7, 8};
  const std::vector<std::int64_t> times = {10, 20, 30, 40};
  const std::vector<float> ratings = {1, 2, 3, 4};
  FeatureMoment moment;
  moment.history = history;
  moment.times = times;
  moment.ratings = ratings;
  moment.now = 50;
  const auto items_of = [](const FeatureMoment& of) {
    return std::vector<item_t>(of.history.begin(), of.history.end());
  };
  const ChangedMoment less(moment, {HistoryChange::Kind::without, {1, 3}});
  CHECK(items_of(less.view()) == std::vector<item_t>{5, 7});
  CHECK(less.view().times[1] == 30);
  CHECK(less.view().ratings[1] == 3);
  CHECK(less.view().now == 50);
  const ChangedMoment other_last(moment, {HistoryChange::Kind::last, {1}});
  CHECK(items_of(other_last.view()) == std::vector<item_t>{5, 7, 8, 6});
  CHECK(std::vector<std::int64_t>(other_last.view().times.begin(), other_last.view().times.end()) ==
        std::vector<std::int64_t>{10, 30, 40, 40});
  CHECK(other_last.view().ratings[3] == 2);
  moment.times = {};
  CHECK(ChangedMoment(moment, {HistoryChange::Kind::last, {1}}).view().times.empty());
}

TEST_CASE("changes come the smallest first, and none empties the history") {
  const HybridRanker<HybridDin> ranker = din_hybrid().ranker;
  const FeatureMoment moment = moment_of(hybrid_split().test, 7);
  const index_t events = std::ssize(moment.history);
  REQUIRE(events > 5);
  const auto changes = history_changes(ranker.features(), moment, {.recent = 4, .pairs = 3});
  using Kind = HistoryChange::Kind;
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(changes[i].kind == Kind::without);
    CHECK(changes[i].positions == std::vector<index_t>{events - 1 - static_cast<index_t>(i)});
  }
  for (std::size_t i = 4; i < 7; ++i) CHECK(changes[i].kind == Kind::last);
  const auto is_pair = [](const HistoryChange& change) {
    return change.kind == Kind::without && change.positions.size() == 2;
  };
  CHECK(std::count_if(changes.begin(), changes.end(), is_pair) == 3);
  CHECK(is_pair(changes.back()));
  for (const HistoryChange& change : changes) {
    if (change.kind != Kind::without_genre) continue;
    for (const index_t position : change.positions)
      CHECK(
          ranker.features().facts().items.has_genre(moment.history[static_cast<std::size_t>(position)], change.genre));
  }
  FeatureMoment one = moment;
  one.history = moment.history.first(1);
  one.times = moment.times.first(1);
  one.ratings = moment.ratings.first(1);
  CHECK(history_changes(ranker.features(), one, {}).empty());
}

TEST_CASE("a counterfactual moves its item out of the first places, as a request after it says") {
  const HybridRanker<HybridDin> ranker = din_hybrid().ranker;
  HybridContext context;
  index_t answers = 0;
  for (const index_t event : {2, 7, 20}) {
    const FeatureMoment moment = moment_of(hybrid_split().test, event);
    const std::vector<item_t> best = ranked(ranker, event);
    const CounterfactualOptions options{.top = 5, .recent = 4, .pairs = 3};
    const auto found = counterfactuals(ranker, context, moment, best, options);
    const auto changes = history_changes(ranker.features(), moment, options);
    REQUIRE(found.size() == 5);
    for (std::size_t i = 0; i < found.size(); ++i) {
      const auto rank_after = [&](const HistoryChange& change) {
        const std::vector<double> scores = score(ranker, context, ChangedMoment(moment, change).view(), best);
        index_t rank = 1;
        for (std::size_t other = 0; other < scores.size(); ++other)
          rank += scores[other] > scores[i] || (scores[other] == scores[i] && other < i);
        return rank;
      };
      // None of the smaller changes does it; where there is no answer, none at all.
      for (const HistoryChange& change : changes) {
        if (found[i] && change.positions == found[i]->change.positions && change.kind == found[i]->change.kind) break;
        CHECK(rank_after(change) <= 5);
      }
      if (!found[i]) continue;
      ++answers;
      CHECK(found[i]->rank == static_cast<index_t>(i) + 1);
      CHECK(found[i]->rank_then > 5);
      CHECK(found[i]->rank_then == rank_after(found[i]->change));
      CHECK(found[i]->sentence.ends_with(
          concatenate(", this would be number ", found[i]->rank_then, " and not number ", i + 1, ".")));
      CHECK(found[i]->sentence.starts_with(found[i]->change.kind == HistoryChange::Kind::last ? "Had " : "Without "));
    }
  }
  CHECK(answers > 0);
}

TEST_CASE("where nothing is ranked lower there is nothing to fall to") {
  const HybridRanker<HybridDin> ranker = din_hybrid().ranker;
  HybridContext context;
  const FeatureMoment moment = moment_of(hybrid_split().test, 2);
  const std::vector<item_t> few = {1, 2, 3};
  const auto found = counterfactuals(ranker, context, moment, few, {.recent = 2, .pairs = 0});
  REQUIRE(found.size() == 3);
  for (const auto& of : found) CHECK_FALSE(of.has_value());
  CHECK(counterfactuals(ranker, context, FeatureMoment{}, few).size() == 3);
  CHECK_THROWS_AS(counterfactuals(ranker, context, moment, few, {.top = 0}), ArgumentError);
}
