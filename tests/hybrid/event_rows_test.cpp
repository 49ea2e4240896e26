// SPDX-License-Identifier: Apache-2.0
#include "seqrec/hybrid/event_rows.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <vector>

#include "support/catch.hpp"
#include "support/hybrids.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

/// Whether two arrays have the same bits; NaN equals itself.
bool equal_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("an event stands among different items that its user has not had in training") {
  const Split& split = hybrid_split();
  const Fold fold = make_fold(split, small_hybrid());
  const EventLists lists = draw_event_lists(fold.model.test, split, 8, 3);
  REQUIRE(lists.size() == fold.model.test.size());
  std::size_t begin = 0;
  std::set<index_t> places;
  bool held_out_item = false;
  for (index_t l = 0; l < lists.size(); ++l) {
    const auto list = static_cast<std::size_t>(l);
    REQUIRE(lists.groups[list] == 9);
    const std::span items = std::span(lists.items).subspan(begin, 9);
    begin += 9;
    const auto event = static_cast<std::size_t>(lists.events[list]);
    CHECK(items[static_cast<std::size_t>(lists.targets[list])] == fold.model.test.targets[event]);
    CHECK(std::set<item_t>(items.begin(), items.end()).size() == 9);
    const auto trained = split.train_history(fold.model.test.users[event]);
    for (const item_t item : items) {
      if (item == fold.model.test.targets[event]) continue;
      CHECK(std::find(trained.begin(), trained.end(), item) == trained.end());
      const auto whole = split.data->history(fold.model.test.users[event]);
      held_out_item = held_out_item || std::find(whole.begin(), whole.end(), item) != whole.end();
    }
    places.insert(lists.targets[list]);
  }
  CHECK(places.size() == 9);  // the place says nothing
  CHECK(held_out_item);       // or the rows would tell what is going to be asked
  CHECK(draw_event_lists(fold.model.test, split, 8, 3).items == lists.items);
  CHECK(draw_event_lists(fold.model.test, split, 8, 4).items != lists.items);
}

TEST_CASE("who has hardly anything unseen gets what there is") {
  const Split& split = hybrid_split();
  const EventLists lists = draw_event_lists(split.validation, split, 1000, 3);
  for (std::size_t l = 0; l < lists.groups.size(); ++l) {
    const auto user = split.validation.users[static_cast<std::size_t>(lists.events[l])];
    const auto trained = split.train_history(user);
    CHECK(lists.groups[l] == split.data->num_items() - std::ssize(std::set<item_t>(trained.begin(), trained.end())));
  }
}

TEST_CASE("frozen lists stay what they are but for the target's place") {
  const Split& split = hybrid_split();
  const CandidateLists frozen = draw_candidates(split.validation, {.negatives = 12});
  const EventLists lists = event_lists(split.validation, frozen);
  REQUIRE(lists.size() == split.validation.size());
  for (std::size_t l = 0; l < lists.groups.size(); ++l) {
    std::vector<item_t> items(lists.items.begin() + static_cast<std::ptrdiff_t>(13 * l),
                              lists.items.begin() + static_cast<std::ptrdiff_t>(13 * l + 13));
    items.erase(items.begin() + lists.targets[l]);
    const auto negatives = frozen.negatives(lists.events[l]);
    CHECK(items == std::vector<item_t>(negatives.begin(), negatives.end()));
  }
}

TEST_CASE("rows of events are those of a request, with the same bits on any number of threads") {
  const Split& split = hybrid_split();
  const HybridColumns<HybridDin> columns(random_din(), ExplicitFeatures(split));
  const EventLists lists = draw_event_lists(split.validation, split, 6, 3);
  const EventRows rows = event_rows(columns, split.validation, lists, 1);
  CHECK(equal_bits(event_rows(columns, split.validation, lists, 3).values, rows.values));
  REQUIRE(rows.columns == columns.schema().size());
  REQUIRE(rows.values.size() == lists.items.size() * static_cast<std::size_t>(rows.columns));
  HybridContext context;
  HybridColumns<HybridDin>::Worker worker(columns);
  for (const std::size_t list : {std::size_t{0}, std::size_t{17}}) {
    const std::span items = std::span(lists.items).subspan(7 * list, 7);
    const auto alone = worker.rows(context, moment_of(split.validation, lists.events[list]), -1, items);
    const auto found = std::span(rows.values).subspan(7 * list * static_cast<std::size_t>(rows.columns), alone.size());
    CHECK(equal_bits(std::vector<float>(alone.begin(), alone.end()), std::vector<float>(found.begin(), found.end())));
    for (index_t i = 0; i < 7; ++i)
      CHECK(rows.labels[7 * list + static_cast<std::size_t>(i)] == (i == lists.targets[list] ? 1 : 0));
  }
}
