// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/sampling.hpp"

#include <algorithm>
#include <cmath>
#include <map>
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

TEST_CASE("the last unseen item is found, and none left is an error that names the user") {
  const Dataset one_left = seqrec_test::dataset_of({{0, 1, 2, 3, 0, 4}});
  const Split split = leave_one_out(one_left);
  NegativeSampler sampler(split, 1);
  CHECK(draw(sampler, 0, 0, 5, 1) == std::vector<item_t>(5, 4));

  Interactions rows{.users = {8, 8, 8, 8}, .items = {5, 6, 5, 6}, .times = {}};
  const Dataset none_left = build_dataset("tiny", rows);
  const Split full = leave_one_out(none_left);
  CHECK(seqrec_test::message_of<DataError>([&] { NegativeSampler unused(full, 1); }) ==
        "tiny: user 8 has all 2 items in training, no negative is left to draw");
}
