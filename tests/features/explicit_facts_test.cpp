// SPDX-License-Identifier: Apache-2.0
#include "seqrec/features/explicit_facts.hpp"

#include <set>
#include <string>

#include "features/films.hpp"
#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("the tables are those of the training events", "[features]") {
  const Split split = seqrec_test::small_split();
  const ExplicitFacts facts = make_explicit_facts(split);
  // Trained on: 0 3 4, 0 4 and 3 6.
  CHECK(facts.follows.weight(0, 3) == 1);
  CHECK(facts.follows.weight(0, 4) == 1);
  CHECK(facts.follows.weight(3, 4) == 1);
  CHECK(facts.follows.weight(3, 6) == 1);
  CHECK(facts.follows.num_entries() == 4);
  CHECK(facts.events.columns().offsets.back() == split.num_train_events());
  CHECK(facts.transition_knn.transitions().num_entries() == TransitionKnn(split).transitions().num_entries());
  CHECK(facts.item_knn.num_items() == 8);
  CHECK(facts.names.items == split.data->item_ids);
  CHECK(facts.items.titles() == split.data->titles);
}

TEST_CASE("the hash knows every table and option", "[features]") {
  std::set<std::string> hashes;
  const auto add = [&](const Dataset& data, const ExplicitFeatureOptions& options = {}) {
    hashes.insert(make_explicit_facts(leave_one_out(data), options).hash());
  };
  const Dataset data = seqrec_test::small_films();
  add(data);
  add(data, {.recent_days = 7});
  add(data, {.transition_knn = {.max_gap = 1}});
  add(data, {.item = "film"});
  Dataset other = data;
  other.ratings[0] = 1;
  add(other);
  other = data;
  other.times[0] -= 1;
  add(other);
  other = data;
  other.titles[7] = "known";
  add(other);
  other = data;
  other.item_features = {};
  add(other);
  other = data;
  std::swap(other.items[0], other.items[1]);
  add(other);
  CHECK(hashes.size() == 9);
  add(data);
  other = data;
  other.ratings.back() = 1;  // of a test event
  add(other);
  CHECK(hashes.size() == 9);
}
