// SPDX-License-Identifier: Apache-2.0
#include "seqrec/evaluate/rank_in_catalogue.hpp"

#include <algorithm>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

namespace {

RankingMetrics::UserRank rank(const std::vector<float>& scores, item_t target, const std::vector<item_t>& exclusions,
                              ItemSet& scratch) {
  return rank_in_catalogue(std::span<const float>(scores), target, std::span<const item_t>(exclusions), scratch);
}

}  // namespace

TEST_CASE("ranks in a catalogue, by hand", "[train]") {
  ItemSet scratch(5);
  const std::vector<float> scores{5, 4, 3, 3, 1};
  const auto check = [&](item_t target, const std::vector<item_t>& exclusions, double expected, index_t ranked) {
    const auto found = rank(scores, target, exclusions, scratch);
    CHECK(found.rank == expected);
    CHECK(found.candidates == ranked);
  };
  check(0, {}, 1, 5);
  check(4, {}, 5, 5);
  check(2, {}, 3.5, 5);
  check(2, {3}, 3, 4);
  check(2, {0, 4, 0}, 2.5, 3);      // excluded once, however often it is said
  check(2, {0, 1, 2, 3, 4}, 1, 1);  // the target stays
  check(4, {1, 0, 0, 1}, 3, 3);
}

TEST_CASE("ranks in a catalogue are what looking at every item finds", "[train]") {
  std::mt19937 random(8);
  ItemSet scratch(60);
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<float> scores(60);
    for (float& score : scores) score = static_cast<float>(random() % 12);
    if (trial % 3 == 0) scores[random() % 60] = -std::numeric_limits<float>::infinity();
    std::vector<item_t> exclusions(random() % 40);
    for (item_t& item : exclusions) item = static_cast<item_t>(random() % 60);
    const auto target = static_cast<item_t>(random() % 60);
    std::vector<float> others;
    for (item_t item = 0; item < 60; ++item)
      if (item != target && std::find(exclusions.begin(), exclusions.end(), item) == exclusions.end())
        others.push_back(scores[static_cast<std::size_t>(item)]);
    const auto found = rank(scores, target, exclusions, scratch);
    CHECK(found.rank == average_rank_among(scores[static_cast<std::size_t>(target)], std::span<const float>(others)));
    CHECK(found.candidates == 1 + std::ssize(others));
  }
}

TEST_CASE("a score that is not a number has no rank", "[train][errors]") {
  ItemSet scratch(3), other(4);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_AS(rank({1, nan, 2}, 0, {}, scratch), NonFiniteError);
  CHECK_THROWS_AS(rank({1, nan, 2}, 1, {}, scratch), NonFiniteError);
  CHECK(seqrec_test::message_of<ShapeError>([&] {
          rank({1, 2, 3}, 0, {}, other);
        }) == "rank_in_catalogue: number of items of scratch is 4, expected 3");
}
