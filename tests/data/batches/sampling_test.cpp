// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/batches/sampling.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "data/small_datasets.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

std::vector<item_t> draw(NegativeSampler& sampler, index_t user, index_t epoch, index_t rows, index_t columns) {
  std::vector<item_t> items(static_cast<std::size_t>(rows * columns), -1);
  sampler.draw(user, epoch, {items.data(), rows, columns});
  return items;
}

/// User 1 trains on 0, 3, 7 and 3, user 2 on 8, 5, 5, 5 and 6, so their next items are 3, 7, 3 and 5, 5, 5, 6.
Dataset two_users() {
  return seqrec_test::dataset_of({{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {0, 3, 7, 3, 9, 1}, {8, 5, 5, 5, 6, 0, 1}});
}

/// Negatives of a batch of user 1, and of user 2 behind where both are in it: a list for each row.
std::vector<std::vector<item_t>> draw_in_batch(NegativeSampler& sampler, index_t users, index_t epoch,
                                               index_t negatives) {
  const std::vector<index_t> both = {1, 2};
  const std::vector<offset_t> offsets = {0, 3, 7};
  const std::vector<item_t> targets = {3, 7, 3, 5, 5, 5, 6};
  const auto rows = static_cast<index_t>(offsets[static_cast<std::size_t>(users)]), columns = 1 + negatives;
  std::vector<item_t> items(static_cast<std::size_t>(rows * columns), -1);
  const MatrixView<item_t, HostSpace> matrix(items.data(), rows, columns);
  for (index_t row = 0; row < rows; ++row) matrix(row, 0) = targets[static_cast<std::size_t>(row)];
  const auto count = static_cast<std::size_t>(users);
  sampler.draw_in_batch(std::span(both).first(count), epoch, std::span(offsets).first(count + 1), matrix);
  std::vector<std::vector<item_t>> lists;
  for (index_t row = 0; row < rows; ++row) {
    REQUIRE(matrix(row, 0) == targets[static_cast<std::size_t>(row)]);
    lists.emplace_back(matrix.row(row) + 1, matrix.row(row) + columns);
  }
  return lists;
}

/// Checks that of so many draws each item had its share of the chances, and no other item came up.
void check_shares(const std::map<item_t, double>& count, const std::map<item_t, double>& chances) {
  double draws = 0, all = 0;
  for (const auto& [item, n] : count) draws += n;
  for (const auto& [item, chance] : chances) all += chance;
  REQUIRE(draws > 1000);
  CHECK(count.size() == chances.size());
  for (const auto& [item, n] : count) {
    CAPTURE(item, n, draws);
    REQUIRE(chances.count(item) == 1);
    const double share = chances.at(item) / all;
    CHECK(std::abs(n - draws * share) <= 5 * std::sqrt(draws * share * (1 - share)));
  }
}

}  // namespace

TEST_CASE("training negatives are uniform over the items that the user does not train on") {
  // User 1 trains on 0, 3, 7 and holds out 9 and 1, which stay possible.
  const Dataset data = seqrec_test::dataset_of({{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {0, 3, 7, 3, 9, 1}});
  const Split split = leave_one_out(data);
  NegativeSampler sampler(split, 17);
  const index_t draws = 140'000;
  std::map<item_t, double> count;
  for (const item_t item : draw(sampler, 1, 0, draws / 2, 2)) ++count[item];
  REQUIRE(count.size() == 7);
  CHECK(count.count(0) + count.count(3) + count.count(7) == 0);
  double chi_square = 0;
  const double expected = draws / 7.0;
  for (const auto& [item, n] : count) chi_square += (n - expected) * (n - expected) / expected;
  CHECK(chi_square < 22.46);  // 6 degrees of freedom: exceeded once in a thousand seeds
}

TEST_CASE("training negatives depend on seed, epoch and user, and on nothing else") {
  const Dataset data = seqrec_test::random_dataset(10, 100, 12, 1);
  const Split split = leave_one_out(data);
  NegativeSampler sampler(split, 1), same(split, 1), other(split, 2);
  const auto first = draw(sampler, 4, 3, 20, 2);
  CHECK(draw(sampler, 4, 4, 20, 2) != first);
  CHECK(draw(sampler, 5, 3, 20, 2) != first);
  CHECK(draw(other, 4, 3, 20, 2) != first);
  CHECK(draw(sampler, 4, 3, 20, 2) == first);
  CHECK(draw(same, 4, 3, 20, 2) == first);
}

TEST_CASE("negatives are written to their columns only") {
  const Dataset data = seqrec_test::random_dataset(5, 30, 5, 1);
  const Split split = leave_one_out(data);
  NegativeSampler sampler(split, 1);
  std::vector<item_t> items(12, -1);
  sampler.draw(2, 0, MatrixView<item_t, HostSpace>(items.data(), 4, 3).column_range(1, 2));
  for (std::size_t i = 0; i < items.size(); ++i) CHECK((items[i] == -1) == (i % 3 == 0));
}

TEST_CASE("the last unseen item is found, and who has none left is named") {
  const Dataset one_left = seqrec_test::dataset_of({{0, 1, 2, 3, 0, 4}});
  const Split split = leave_one_out(one_left);
  NegativeSampler sampler(split, 1);
  CHECK(draw(sampler, 0, 0, 5, 1) == std::vector<item_t>(5, 4));

  Interactions rows{.users = {8, 8, 8, 8}, .items = {5, 6, 5, 6}, .times = {}};
  const Dataset none_left = build_dataset("tiny", rows);
  const Split full = leave_one_out(none_left);
  NegativeSampler none(full, 1);
  CHECK(none.without_negatives().size() == 1);
  CHECK(sampler.without_negatives().empty());
  CHECK(seqrec_test::message_of<DataError>([&] { draw(none, 0, 0, 1, 1); }) ==
        "tiny: user 8 has all items, or nearly all popularity, in training: no negative is left to draw");
}

TEST_CASE("uniform negatives are the same bits as ever") {
  const Dataset data = seqrec_test::random_dataset(10, 100, 12, 1);
  const Split split = leave_one_out(data);
  NegativeSampler sampler(split, 1);
  Hash hash;
  for (const item_t item : draw(sampler, 4, 3, 20, 2)) hash.add(item);
  CHECK(hash.text() == "814cc837646ee5af");
  CHECK(sampler.log_probability().empty());
}

TEST_CASE("popular items are drawn in proportion to a power of their training events") {
  // Items 0 .. 4 have 16, 4, 1, 1 and 9 training events; item 5 is only ever held out.
  std::vector<std::vector<std::int64_t>> histories;
  const auto add = [&](std::int64_t item, int times) {
    for (int i = 0; i < times; ++i) histories.push_back({item, 5, 5});
  };
  add(0, 16);
  add(1, 4);
  add(2, 1);
  add(3, 1);
  add(4, 9);
  const Dataset data = seqrec_test::dataset_of(histories);
  const Split split = leave_one_out(data);
  NegativeSampler sampler(split, 17, {.popularity_exponent = 0.5});
  const double weights[] = {4, 2, 1, 1, 3};

  const auto logs = sampler.log_probability();
  REQUIRE(logs.size() == 6);
  for (std::size_t i = 0; i < 5; ++i) CHECK(logs[i] == Approx(std::log(weights[i] / 11)));
  CHECK(logs[5] == -std::numeric_limits<float>::infinity());

  // User 16 trains on item 1: without it the rest keeps its proportions.
  const index_t draws = 100'000;
  std::map<item_t, double> count;
  for (const item_t item : draw(sampler, 16, 0, draws / 2, 2)) ++count[item];
  CHECK(count.size() == 4);
  double chi_square = 0;
  for (const item_t item : {0, 2, 3, 4}) {
    const double expected = static_cast<double>(draws) * weights[item] / 9;
    chi_square += (count[item] - expected) * (count[item] - expected) / expected;
  }
  CHECK(chi_square < 16.27);  // 3 degrees of freedom: exceeded once in a thousand seeds
  NegativeSampler same(split, 17, {.popularity_exponent = 0.5});
  CHECK(draw(same, 16, 0, 50, 2) == draw(sampler, 16, 0, 50, 2));
  CHECK(draw(same, 16, 1, 50, 2) != draw(sampler, 16, 0, 50, 2));
}

TEST_CASE("seen items are drawn too where nothing is rejected") {
  const Dataset data = seqrec_test::dataset_of({{0, 1, 0, 1, 0, 1}, {0, 2, 3}});
  const Split split = leave_one_out(data);
  const double exponent = GENERATE(0.0, 1.0);
  NegativeSampler sampler(split, 1, {.popularity_exponent = exponent, .reject_seen = false});
  const std::vector<item_t> items = draw(sampler, 0, 0, 100, 1);
  CHECK(std::count(items.begin(), items.end(), 0) > 0);
  CHECK((std::count(items.begin(), items.end(), 3) > 0) == (exponent == 0));  // nobody trains on 3
}

TEST_CASE("distinct negatives are a uniform sample without replacement") {
  // User 1 trains on 0, 3 and 7: pairs of 7 items are left, 42 in order.
  const Dataset data = seqrec_test::dataset_of({{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {0, 3, 7, 3, 9, 1}});
  const Split split = leave_one_out(data);
  NegativeSampler sampler(split, 17, {.distinct = true});
  const index_t lists = 42'000;
  const std::vector<item_t> items = draw(sampler, 1, 0, lists, 2);
  std::map<std::pair<item_t, item_t>, double> count;
  for (std::size_t i = 0; i < items.size(); i += 2) ++count[{items[i], items[i + 1]}];
  REQUIRE(count.size() == 42);
  double chi_square = 0;
  for (const auto& [pair, n] : count) {
    CHECK(pair.first != pair.second);
    for (const item_t seen : {0, 3, 7}) CHECK((pair.first != seen && pair.second != seen));
    chi_square += (n - 1000) * (n - 1000) / 1000;
  }
  CHECK(chi_square < 74.7);  // 41 degrees of freedom: exceeded once in a thousand seeds
}

TEST_CASE("all that a user has left may be drawn distinct, and one more is refused") {
  const Dataset data = seqrec_test::dataset_of({{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {0, 3, 7, 3, 9, 1}});
  const Split split = leave_one_out(data);
  NegativeSampler sampler(split, 1, {.distinct = true});
  std::vector<item_t> all = draw(sampler, 1, 0, 1, 7);
  std::sort(all.begin(), all.end());
  CHECK(all == std::vector<item_t>{1, 2, 4, 5, 6, 8, 9});
  const std::string message =
      "small: user 1 has 7 items left to draw, expected at least the 8 negatives of a list that are to be distinct";
  CHECK(seqrec_test::message_of<DataError>([&] { draw(sampler, 1, 0, 1, 8); }) == message);
  const std::vector<index_t> users = {1};
  CHECK_NOTHROW(sampler.check_distinct(users, 7));
  CHECK(seqrec_test::message_of<DataError>([&] { sampler.check_distinct(users, 8); }) == message);
  CHECK_NOTHROW(NegativeSampler(split, 1).check_distinct(users, 8));

  NegativeSampler shared(split, 1, {.reject_seen = false, .distinct = true});
  std::vector<item_t> of_batch(10, -1);
  shared.draw_shared(0, 0, {of_batch.data(), 10});
  std::sort(of_batch.begin(), of_batch.end());
  CHECK(of_batch == std::vector<item_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  of_batch.push_back(0);
  CHECK(seqrec_test::message_of<ArgumentError>([&] {
          shared.draw_shared(0, 0, {of_batch.data(), 11});
        }) == "negatives is 11, expected at most 10, the catalogue, where they are to be distinct");
  CHECK(seqrec_test::message_of<ArgumentError>([&] {
          NegativeSampler(split, 1, {.popularity_exponent = 0.5, .distinct = true});
        }).starts_with("popularity_exponent is 0.5, expected 0 with distinct"));
}

TEST_CASE("a user who has nearly all popularity is refused by name, not searched for ever") {
  // User 7 trains on items 1 and 2, user 8 on item 3 alone; nobody trains on 4.
  Interactions rows{.users = {7, 7, 7, 7, 8, 8, 8}, .items = {1, 2, 4, 4, 3, 4, 4}, .times = {}};
  for (int i = 0; i < 2000; ++i)
    for (const std::int64_t item : {1, 4, 4}) {
      rows.users.push_back(100 + i);
      rows.items.push_back(item);
    }
  const Dataset data = build_dataset("tiny", rows);
  const Split split = leave_one_out(data);
  NegativeSampler sampler(split, 1, {.popularity_exponent = 1});
  CHECK(sampler.without_negatives().size() == 2001);  // all but user 8, who lacks the item of all popularity
  CHECK_THAT(seqrec_test::message_of<DataError>([&] { draw(sampler, 0, 0, 1, 1); }),
             ContainsSubstring("tiny: user 7 has all items, or nearly all popularity, in training"));
  CHECK_NOTHROW(draw(sampler, 1, 0, 1, 1));
  CHECK(NegativeSampler(split, 1, {.popularity_exponent = 0.75}).without_negatives().empty());
  CHECK(NegativeSampler(split, 1, {.popularity_exponent = 1, .reject_seen = false}).without_negatives().empty());

  for (const double wrong : {-0.5, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()})
    CHECK_THROWS_AS(NegativeSampler(split, 1, {.popularity_exponent = wrong}), ArgumentError);
}

TEST_CASE("a batch's other next items come as often as they stand there, but for what a position may not have") {
  const Dataset data = two_users();
  const Split split = leave_one_out(data);
  std::map<item_t, double> first, second;
  NegativeSampler sampler(split, 17);
  for (index_t epoch = 0; epoch < 2000; ++epoch) {
    const auto lists = draw_in_batch(sampler, 2, epoch, 2);
    for (const item_t item : lists[0]) ++first[item];
    for (const item_t item : lists[5]) ++second[item];
  }
  check_shares(first, {{5, 3}, {6, 1}});  // nothing that user 1 has had
  check_shares(second, {{3, 2}, {7, 1}});

  std::map<item_t, double> of_three, of_seven, of_five;
  NegativeSampler any(split, 17, {.reject_seen = false});
  for (index_t epoch = 0; epoch < 2000; ++epoch) {
    const auto lists = draw_in_batch(any, 2, epoch, 2);
    for (const item_t item : lists[2]) ++of_three[item];
    for (const item_t item : lists[1]) ++of_seven[item];
    for (const item_t item : lists[3]) ++of_five[item];
  }
  check_shares(of_three, {{7, 1}, {5, 3}, {6, 1}});  // all but the target
  check_shares(of_seven, {{3, 2}, {5, 3}, {6, 1}});
  check_shares(of_five, {{3, 2}, {7, 1}, {6, 1}});
}

TEST_CASE("distinct negatives of a batch: each item once, the first as likely as it is there") {
  const Dataset data = two_users();
  const Split split = leave_one_out(data);
  NegativeSampler sampler(split, 17, {.distinct = true});
  std::map<item_t, double> first;
  for (index_t epoch = 0; epoch < 2000; ++epoch)
    for (const auto& list : draw_in_batch(sampler, 2, epoch, 2))
      if (const std::set<item_t> items(list.begin(), list.end()); items.count(5) == 1) {
        REQUIRE(items == std::set<item_t>{5, 6});
        ++first[list[0]];
      } else {
        REQUIRE(items == std::set<item_t>{3, 7});
      }
  check_shares(first, {{5, 3}, {6, 1}});
}

TEST_CASE("where a batch has nothing that a position may have, the catalogue fills up") {
  const Dataset data = two_users();
  const Split split = leave_one_out(data);
  std::map<item_t, double> count;
  NegativeSampler sampler(split, 17);
  for (index_t epoch = 0; epoch < 2000; ++epoch) {
    const auto lists = draw_in_batch(sampler, 1, epoch, 2);  // user 1 alone
    for (const item_t item : lists[0]) ++count[item];
  }
  check_shares(count, {{1, 1}, {2, 1}, {4, 1}, {5, 1}, {6, 1}, {8, 1}, {9, 1}});

  count.clear();
  NegativeSampler distinct(split, 17, {.distinct = true});
  for (index_t epoch = 0; epoch < 2000; ++epoch) {
    const std::vector<item_t> list = draw_in_batch(distinct, 2, epoch, 4)[1];
    REQUIRE(std::set<item_t>{list[0], list[1]} == std::set<item_t>{5, 6});
    REQUIRE(list[2] != list[3]);
    ++count[list[2]];
  }
  check_shares(count, {{1, 1}, {2, 1}, {4, 1}, {8, 1}, {9, 1}});

  const auto all = draw_in_batch(distinct, 2, 0, 7)[0];
  CHECK(std::set<item_t>(all.begin(), all.end()) == std::set<item_t>{1, 2, 4, 5, 6, 8, 9});
  const std::vector<index_t> users = {1, 2};
  CHECK_NOTHROW(distinct.check_distinct(users, 7, 1));
  const std::string left = " items left to draw, expected at least the ";
  const std::string negatives = " negatives of a list that are to be distinct";
  CHECK(seqrec_test::message_of<DataError>([&] { draw_in_batch(distinct, 2, 0, 8); }) ==
        "small: user 1 has 7" + left + "8" + negatives);
  NegativeSampler any(split, 1, {.reject_seen = false, .distinct = true});  // all but the target
  const auto others = draw_in_batch(any, 2, 0, 9)[1];
  CHECK(std::set<item_t>(others.begin(), others.end()) == std::set<item_t>{0, 1, 2, 3, 4, 5, 6, 8, 9});
  CHECK_NOTHROW(any.check_distinct(users, 9, 1));
  CHECK(seqrec_test::message_of<DataError>([&] { any.check_distinct(users, 10, 1); }) ==
        "small: user 1 has 9" + left + "10" + negatives);

  count.clear();
  NegativeSampler popular(split, 17, {.popularity_exponent = 1});
  for (index_t epoch = 0; epoch < 2000; ++epoch) {
    const auto lists = draw_in_batch(popular, 1, epoch, 2);
    for (const item_t item : lists[0]) ++count[item];
  }
  check_shares(count, {{1, 1}, {2, 1}, {4, 1}, {5, 4}, {6, 2}, {8, 1}});  // by training events

  const Dataset one = seqrec_test::dataset_of({{4, 4, 4, 4}});
  const Split of_one = leave_one_out(one);
  NegativeSampler nothing(of_one, 1, {.reject_seen = false});
  std::vector<item_t> items = {0, -1};
  const std::vector<index_t> user = {0};
  const std::vector<offset_t> offsets = {0, 1};
  CHECK(seqrec_test::message_of<DataError>([&] {
          nothing.draw_in_batch(user, 0, offsets, {items.data(), 1, 2});
        }) == "small: user 0 has 0 items left to draw, expected at least the 1 beside the target");
  const Dataset nearly = seqrec_test::dataset_of({{4, 4, 4, 7}, {4, 4, 4, 7}});
  const Split of_nearly = leave_one_out(nearly);  // nobody trains on 7
  NegativeSampler hardly(of_nearly, 1, {.popularity_exponent = 1, .reject_seen = false});
  CHECK(seqrec_test::message_of<DataError>([&] {
          hardly.draw_in_batch(user, 0, offsets, {items.data(), 1, 2});
        }) ==
        "small: item 4 has nearly all popularity in training, and a batch has no other next item: no negative is "
        "left to draw");
}

TEST_CASE("a batch's own negatives depend on seed, epoch and batch") {
  const Dataset data = two_users();
  const Split split = leave_one_out(data);
  NegativeSampler sampler(split, 1), same(split, 1), other(split, 2);
  const auto first = draw_in_batch(sampler, 2, 3, 5);
  CHECK(draw_in_batch(sampler, 2, 4, 5) != first);
  CHECK(draw_in_batch(other, 2, 3, 5) != first);
  CHECK(draw_in_batch(sampler, 1, 3, 5)[0] != first[0]);
  CHECK(draw_in_batch(sampler, 2, 3, 5) == first);
  CHECK(draw_in_batch(same, 2, 3, 5) == first);
}
