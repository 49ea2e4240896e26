// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/synthetic.hpp"

#include <map>
#include <set>
#include <vector>

#include "seqrec/data/splits/split.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

TEST_CASE("the synthetic data set is the same everywhere and always") {
  const Dataset data = synthetic_dataset();
  CHECK(describe(data) ==
        "synthetic: 500 users, 300 items, 11261 interactions, hash d69a90c8fc0030b5; no times, order of the rows");
  CHECK(synthetic_dataset().hash() == data.hash());
  CHECK(synthetic_dataset({.seed = 2}).hash() != data.hash());
  CHECK(data.titles.at(17) == "Synthetic film 17 (genre 7)");
  REQUIRE(data.item_features.rows() == 300);
  CHECK(data.item_features.categories() == 10);
  CHECK(data.item_features.names.at(static_cast<std::size_t>(data.item_features.view()[17](0))) == "genre=7");
  CHECK_FALSE(static_cast<bool>(data.user_features));
}

TEST_CASE("synthetic histories keep to their lengths, repeat nothing and can all be held out") {
  const Dataset data = synthetic_dataset({.users = 200, .items = 60, .genres = 7, .min_events = 3, .max_events = 30});
  CHECK(data.num_users() == 200);
  CHECK(data.num_items() <= 60);
  std::set<std::size_t> lengths;
  for (index_t user = 0; user < data.num_users(); ++user) {
    const auto history = data.history(user);
    lengths.insert(history.size());
    REQUIRE(std::set<item_t>(history.begin(), history.end()).size() == history.size());
  }
  CHECK(*lengths.begin() == 3);
  CHECK(*lengths.rbegin() == 30);
  CHECK(leave_one_out(data).train_only_users == 0);
}

TEST_CASE("synthetic order can be learned, and popularity alone does not tell it") {
  // Guess each test target from the training data: the ten most frequent successors of the last item, against the ten
  // most popular items.
  const Dataset data = synthetic_dataset();
  const Split split = leave_one_out(data);
  std::vector<std::map<item_t, int>> successors(static_cast<std::size_t>(data.num_items()));
  std::map<item_t, int> popularity;
  for (index_t user = 0; user < data.num_users(); ++user) {
    const auto history = split.train_history(user);
    for (std::size_t i = 0; i < history.size(); ++i) {
      ++popularity[history[i]];
      if (i > 0) ++successors[static_cast<std::size_t>(history[i - 1])][history[i]];
    }
  }
  const auto among_top_ten = [](const std::map<item_t, int>& counts, item_t target) {
    const auto own = counts.find(target);
    if (own == counts.end()) return false;
    int better = 0;
    for (const auto& [item, count] : counts) better += count > own->second;
    return better < 10;
  };
  int by_order = 0, by_popularity = 0;
  for (std::size_t i = 0; i < split.test.targets.size(); ++i) {
    const item_t last = split.test.history(static_cast<index_t>(i)).back();
    by_order += among_top_ten(successors[static_cast<std::size_t>(last)], split.test.targets[i]);
    by_popularity += among_top_ten(popularity, split.test.targets[i]);
  }
  INFO(by_order << " targets follow from the last item, " << by_popularity << " are popular, of " << split.test.size());
  CHECK(by_order > split.test.size() / 2);
  CHECK(by_popularity < by_order / 3);
}

TEST_CASE("synthetic options out of range are named") {
  const auto complaint = [](const SyntheticOptions& options) {
    return message_of<ArgumentError>([&] { synthetic_dataset(options); });
  };
  CHECK(complaint({.users = 0}) == "users is 0, expected a number from 1 to 2^31 - 1");
  CHECK(complaint({.items = 0}) == "items is 0, expected a number from 1 to 2^31 - 1");
  CHECK(complaint({.items = 300, .genres = 301}) == "genres is 301, expected a number from 1 to the number of items");
  CHECK(complaint({.min_events = 0}) == "min_events is 0, expected a number from 1 to max_events");
  CHECK(complaint({.min_events = 41}) == "min_events is 41, expected a number from 1 to max_events");
  CHECK(complaint({.items = 79}) == "max_events is 40, expected at most half the number of items");
}
