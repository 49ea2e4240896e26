// SPDX-License-Identifier: Apache-2.0
#include "seqrec/evaluate/candidate_lists.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "data/small_datasets.hpp"
#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("candidates are distinct and none of them is in the user's whole history") {
  const Dataset data = seqrec_test::random_dataset(40, 60, 20, 7);
  Split split = leave_one_out(data);
  // User 0 has seen everything: see the test of too few items.
  for (auto* column : {&split.validation.users, &split.validation.history_lengths}) column->erase(column->begin());
  split.validation.targets.erase(split.validation.targets.begin());
  const CandidateLists lists = draw_candidates(split.validation, {.negatives = 30, .seed = 3});
  CHECK(lists.held_out == "validation");
  CHECK(lists.data_hash == data.hash());
  REQUIRE(lists.users == split.validation.size());
  REQUIRE(std::ssize(lists.items) == 30 * lists.users);
  for (index_t i = 0; i < lists.users; ++i) {
    const auto negatives = lists.negatives(i);
    const auto history = split.validation.whole_history(i);
    REQUIRE(std::set<item_t>(negatives.begin(), negatives.end()).size() == 30);
    for (const item_t item : negatives) {
      REQUIRE(item >= 0);
      REQUIRE(item < data.num_items());
      REQUIRE(std::find(history.begin(), history.end(), item) == history.end());
    }
  }
}

TEST_CASE("candidates depend on seed, part and user, and on nothing else") {
  const Dataset data = seqrec_test::dataset_of({{0, 1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12, 13, 14}});
  const Split split = leave_one_out(data);
  const CandidateOptions options{.negatives = 6, .seed = 1};
  const CandidateLists lists = draw_candidates(split.test, options);
  CHECK(draw_candidates(split.test, options).hash() == lists.hash());
  CHECK(draw_candidates(split.validation, options).items != lists.items);
  CHECK(draw_candidates(split.test, {.negatives = 6, .seed = 2}).items != lists.items);

  HeldOut last = split.test;  // the other users do not matter
  last.users = {2};
  last.targets = {last.targets[2]};
  last.history_lengths = {last.history_lengths[2]};
  const CandidateLists alone = draw_candidates(last, options);
  CHECK(std::equal(alone.items.begin(), alone.items.end(), lists.negatives(2).begin(), lists.negatives(2).end()));
}

TEST_CASE("every unseen item is an equally likely candidate") {
  std::vector<std::vector<std::int64_t>> histories(3000, {0, 1, 2});
  histories.push_back({0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  const Dataset data = seqrec_test::dataset_of(histories);
  HeldOut test = leave_one_out(data).test;
  test.users.pop_back();
  test.targets.pop_back();
  test.history_lengths.pop_back();
  const CandidateLists lists = draw_candidates(test, {.negatives = 2});
  std::map<item_t, double> count;
  for (const item_t item : lists.items) ++count[item];
  REQUIRE(count.size() == 7);
  double chi_square = 0;
  const double expected = 6000 / 7.0;
  for (const auto& [item, n] : count) chi_square += (n - expected) * (n - expected) / expected;
  CHECK(chi_square < 22.46);  // 6 degrees of freedom: exceeded once in a thousand seeds
}

TEST_CASE("all unseen items can be candidates, and who has fewer is left out") {
  Interactions rows{.users = {7, 7, 7, 8, 8, 8, 8, 8}, .items = {0, 1, 2, 0, 1, 2, 3, 4}, .times = {}};
  const Dataset data = build_dataset("tiny", rows);
  const HeldOut test = leave_one_out(data).test;
  const CandidateLists lists = draw_candidates(test, {.negatives = 2});
  CHECK(lists.users == 2);
  CHECK(lists.lists() == 1);
  CHECK(lists.left_out == std::vector<index_t>{1});  // user 8 has seen everything
  CHECK(std::set<item_t>(lists.items.begin(), lists.items.end()) == std::set<item_t>{3, 4});
  CHECK(lists.negatives(0).size() == 2);
  CHECK(lists.negatives(1).empty());
  CHECK(seqrec_test::message_of<DataError>([&] { draw_candidates(test, {.negatives = 3}); }) ==
        "tiny: none of 2 test targets can be ranked: user 7 has 2 other items, expected at least 3 to draw as "
        "negatives, and so have the others");
  CHECK(seqrec_test::message_of<ArgumentError>([&] { draw_candidates(test, {.negatives = 0}); }) ==
        "negatives is 0, expected a number of at least 1");
}

TEST_CASE("who is left out changes nobody else's candidates, but the hash") {
  std::vector<std::vector<std::int64_t>> histories = {{0, 1, 2}, {3, 4, 5}, {0, 1, 2, 3, 4, 5, 6, 7}, {5, 6, 7}};
  const Dataset data = seqrec_test::dataset_of(histories);
  const HeldOut all = leave_one_out(data).test;
  HeldOut some{"test", all.data, {}, {}, {}};
  for (const index_t user : {0, 1, 3}) some.add(user, 2);
  const CandidateLists with = draw_candidates(all, {.negatives = 5}), without = draw_candidates(some, {.negatives = 5});
  CHECK(with.left_out == std::vector<index_t>{2});
  CHECK(with.items == without.items);
  CHECK(with.negatives(3).data() == with.items.data() + 10);
  CandidateLists other = with;
  other.left_out = {1};
  CHECK(other.hash() != with.hash());
}

TEST_CASE("where seen items are ranked, every item but the target is an equally likely candidate") {
  std::vector<std::vector<std::int64_t>> histories(3000, {0, 1, 2, 1, 3});  // validation holds out 1, which was seen
  histories.push_back({0, 1, 2, 3, 4, 5, 6, 7});
  const Dataset data = seqrec_test::dataset_of(histories);
  const Split split = leave_one_out(data);
  const CandidateOptions options{.negatives = 3, .seen = SeenItems::ranked};
  const CandidateLists lists = draw_candidates(split.validation, options);
  CHECK(lists.left_out.empty());
  std::map<item_t, double> count;
  for (index_t i = 0; i < 3000; ++i)
    for (const item_t item : lists.negatives(i)) ++count[item];
  CHECK_FALSE(count.contains(1));
  REQUIRE(count.size() == 7);  // of seen ones 0 and 2, and 3, which comes later
  double chi_square = 0;
  const double expected = 9000 / 7.0;
  for (const auto& [item, n] : count) chi_square += (n - expected) * (n - expected) / expected;
  CHECK(chi_square < 22.46);  // 6 degrees of freedom: exceeded once in a thousand seeds
  CHECK(lists.hash() != draw_candidates(split.validation, {.negatives = 3}).hash());
}

TEST_CASE("candidates that had appeared were somebody's before the target's moment") {
  Interactions rows;  // items 100 .. 119 appear one a second; users 1 .. 3 come at seconds 10, 15 and 30
  const auto add = [&](std::int64_t user, std::int64_t item, std::int64_t time) {
    rows.users.push_back(user);
    rows.items.push_back(item);
    rows.times.push_back(time);
  };
  for (std::int64_t i = 0; i < 20; ++i) add(0, 100 + i, i);
  for (const std::int64_t user : {1, 2, 3})
    for (std::int64_t i = 0; i < 3; ++i) add(user, 100 + i, (user == 1 ? 10 : user == 2 ? 15 : 30) + i - 2);
  const Dataset data = build_dataset("small", rows);
  HeldOut test = leave_one_out(data).test;
  test.users.erase(test.users.begin());  // user 0 has seen everything
  test.targets.erase(test.targets.begin());
  test.history_lengths.erase(test.history_lengths.begin());
  const CandidateOptions options{.negatives = 7, .appeared = true};
  const CandidateLists lists = draw_candidates(test, options);
  REQUIRE(lists.lists() == 3);
  for (index_t i = 0; i < 3; ++i)
    for (const item_t item : lists.negatives(i)) {
      const std::int64_t appears = std::stoll(std::string(data.item_ids[item])) - 100, asked = i == 0   ? 10
                                                                                               : i == 1 ? 15
                                                                                                        : 30;
      CHECK(appears < asked);
      CHECK(appears >= 3);
    }
  CHECK(lists.hash() != draw_candidates(test, {.negatives = 7}).hash());
  // Of ten items that were there at second 10 the first user has had three.
  CHECK(draw_candidates(test, {.negatives = 8, .appeared = true}).left_out == std::vector<index_t>{0});
  const Dataset timeless = seqrec_test::dataset_of({{0, 1, 2}, {3, 4, 5}});
  CHECK_THAT(seqrec_test::message_of<DataError>(
                 [&] { draw_candidates(leave_one_out(timeless).test, {.negatives = 2, .appeared = true}); }),
             ContainsSubstring("appeared is true, expected a data set whose events have times"));
}

TEST_CASE("the hash of candidate lists is what it always was, and covers items and origin") {
  const Dataset drawn = seqrec_test::random_dataset(9, 40, 12, 2);
  HeldOut test = leave_one_out(drawn).test;
  test.users.erase(test.users.begin());  // user 0 has seen everything
  test.targets.erase(test.targets.begin());
  test.history_lengths.erase(test.history_lengths.begin());
  CHECK(draw_candidates(test, {.negatives = 9}).hash() == "2bab2faf8cbe79d4");
  const Dataset data = seqrec_test::dataset_of({{0, 1, 2}, {3, 4, 5}});
  CandidateLists lists = draw_candidates(leave_one_out(data).test, {.negatives = 2});
  const std::string hash = lists.hash();
  std::swap(lists.items[0], lists.items[1]);
  CHECK(lists.hash() != hash);
  std::swap(lists.items[0], lists.items[1]);
  CHECK(lists.hash() == hash);
  lists.data_hash = "another";
  CHECK(lists.hash() != hash);
}

TEST_CASE("a user's events get candidates of their own, and the first those of leave-one-out") {
  const Dataset data = seqrec_test::random_dataset(10, 200, 30, 2);
  const Split split = leave_one_out(data);
  HeldOut first{"test", std::make_shared<const Dataset>(data), {}, {}, {}},
      both{"test", std::make_shared<const Dataset>(data), {}, {}, {}};
  for (index_t i = 1; i < split.test.size(); ++i) {  // but user 0, who has seen everything
    const index_t user = split.test.users[static_cast<std::size_t>(i)];
    const index_t position = split.test.history_lengths[static_cast<std::size_t>(i)];
    first.add(user, position);
    both.add(user, position - 1);
    both.add(user, position);
  }
  const CandidateOptions options{.negatives = 20};
  const CandidateLists single = draw_candidates(first, options), lists = draw_candidates(both, options);
  REQUIRE(lists.users == 2 * single.users);
  std::set<std::vector<item_t>> different;
  for (index_t i = 0; i < lists.users; ++i) {
    const auto negatives = lists.negatives(i);
    different.insert({negatives.begin(), negatives.end()});
    if (i % 2 == 0) CHECK(std::equal(negatives.begin(), negatives.end(), single.negatives(i / 2).begin()));
  }
  CHECK(std::ssize(different) == lists.users);
}

TEST_CASE("candidates by popularity follow the counts, without replacement") {
  // Items 1, 2 and 3 have 8000, 4000 and 1000 events of others; those who are asked have seen item 0 only.
  std::vector<std::vector<std::int64_t>> histories(4000, {0, 0, 0});
  const std::int64_t events[] = {8, 4, 1};
  for (std::int64_t item = 1; item <= 3; ++item)
    for (std::int64_t i = 0; i < 1000 * events[item - 1]; ++i) histories.push_back({item});
  const Dataset data = seqrec_test::dataset_of(histories);
  const HeldOut test = leave_one_out(data).test;
  const CandidateOptions options{.negatives = 2, .popularity_exponent = 1};
  const CandidateLists lists = draw_candidates(test, options);
  std::map<item_t, double> first;
  for (index_t i = 0; i < lists.users; ++i) {
    REQUIRE(lists.negatives(i)[0] != lists.negatives(i)[1]);
    ++first[lists.negatives(i)[0]];
  }
  double chi_square = 0;
  for (const item_t item : {1, 2, 3}) {
    const double expected = 4000 * static_cast<double>(events[item - 1]) / 13;
    chi_square += (first[item] - expected) * (first[item] - expected) / expected;
  }
  CHECK(chi_square < 13.82);  // 2 degrees of freedom: exceeded once in a thousand seeds
  CHECK(lists.hash() != draw_candidates(test, {.negatives = 2}).hash());
  CHECK(lists.hash() == draw_candidates(test, options).hash());
  CHECK_NOTHROW(draw_candidates(test, {.negatives = 3, .popularity_exponent = 1}));
}

TEST_CASE("users whose unseen items are of no popularity are left out, not searched for ever") {
  Interactions rows{.users = {7, 7, 7, 8}, .items = {0, 0, 0, 1}, .times = {}};
  for (int i = 0; i < 3000; ++i) {
    rows.users.push_back(9);
    rows.items.push_back(i < 2 ? 1 : 0);
  }
  const Dataset data = build_dataset("tiny", rows);
  HeldOut test{"test", std::make_shared<const Dataset>(data), {0}, {2}, {0}};
  CHECK_NOTHROW(draw_candidates(test, {.negatives = 1}));
  const CandidateOptions by_popularity{.negatives = 1, .popularity_exponent = 1};
  CHECK(seqrec_test::message_of<DataError>([&] { draw_candidates(test, by_popularity); }) ==
        "tiny: none of 1 test targets can be ranked: user 7 has other items of nearly no popularity, enough for 0, "
        "expected at least 1 to draw as negatives, and so have the others");
  test.add(1, 0);  // user 8 has not had the item that all others have
  const CandidateLists lists = draw_candidates(test, by_popularity);
  CHECK(lists.left_out == std::vector<index_t>{0});
  CHECK(lists.items == std::vector<item_t>{0});
  CHECK(seqrec_test::message_of<ArgumentError>([&] { draw_candidates(test, {.popularity_exponent = -1}); }) ==
        "popularity_exponent is -1, expected a finite number of at least 0");
}
