// SPDX-License-Identifier: Apache-2.0
#include "seqrec/features/feature_rows.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

#include "features/films.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

/// For each test event its target and i mod 4 others.
struct Lists {
  std::vector<index_t> offsets{0};
  std::vector<item_t> candidates;

  explicit Lists(const HeldOut& held_out) {
    for (index_t i = 0; i < held_out.size(); ++i) {
      candidates.push_back(held_out.targets[static_cast<std::size_t>(i)]);
      for (index_t other = 0; other < i % 4; ++other) candidates.push_back(static_cast<item_t>(other * 3));
      offsets.push_back(std::ssize(candidates));
    }
    offsets.push_back(offsets.back());  // a moment without candidates
  }
};

}  // namespace

TEST_CASE("rows of many moments are those of each, on any number of threads", "[features]") {
  const Split split = leave_one_out(seqrec_test::random_films(30, 40, 30, 10));
  const ExplicitFeatures features(split);
  const Lists lists(split.test);
  const auto moment_at = [&](index_t i) { return i < split.test.size() ? moment_of(split.test, i) : FeatureMoment{}; };
  const auto columns = static_cast<std::size_t>(features.schema().size());
  std::vector<float> expected(lists.candidates.size() * columns), rows(expected.size());
  ExplicitFeatures::Workspace workspace(features);
  for (index_t i = 0; i < split.test.size(); ++i) {
    const auto begin = static_cast<std::size_t>(lists.offsets[static_cast<std::size_t>(i)]);
    const auto count = static_cast<std::size_t>(lists.offsets[static_cast<std::size_t>(i) + 1]) - begin;
    features.rows(moment_at(i), std::span(lists.candidates).subspan(begin, count),
                  std::span(expected).subspan(begin * columns, count * columns), workspace);
  }
  for (const index_t threads : {1, 2, 5, 100}) {
    std::fill(rows.begin(), rows.end(), 0.0F);
    feature_rows(features, lists.offsets, lists.candidates, moment_at, rows, threads);
    CHECK(std::memcmp(rows.data(), expected.data(), rows.size() * sizeof(float)) == 0);
  }
}

TEST_CASE("what is wrong with one moment is thrown, whichever thread met it", "[features][errors]") {
  const Split split = leave_one_out(seqrec_test::random_films(30, 40, 30, 10));
  const ExplicitFeatures features(split);
  Lists lists(split.test);
  const auto moment_at = [&](index_t i) { return i < split.test.size() ? moment_of(split.test, i) : FeatureMoment{}; };
  std::vector<float> rows(lists.candidates.size() * static_cast<std::size_t>(features.schema().size()));
  const auto write = [&](index_t threads) {
    feature_rows(features, lists.offsets, lists.candidates, moment_at, rows, threads);
  };
  CHECK_NOTHROW(write(2));
  CHECK(message_of<ArgumentError>([&] { write(0); }) == "feature_rows threads is 0, expected a number of at least 1");
  lists.candidates[7] = 40;
  for (const index_t threads : {1, 3})
    CHECK_THAT(message_of<ArgumentError>([&] { write(threads); }), ContainsSubstring("is item 40, expected one of"));
  lists.candidates[7] = 1;
  rows.pop_back();
  CHECK_THROWS_AS(write(2), ShapeError);
  lists.offsets.back() += 1;
  CHECK_THROWS_AS(write(2), ShapeError);
}
