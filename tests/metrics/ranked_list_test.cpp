// SPDX-License-Identifier: Apache-2.0
#include "seqrec/metrics/ranked_list.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <span>
#include <vector>

#include "seqrec/metrics/ranking.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {
using Ranks = std::vector<index_t>;
using Span = std::span<const index_t>;
}  // namespace

TEST_CASE("metrics of several relevant items, by hand", "[metrics]") {
  const Ranks ranks{1, 3, 6};  // the third item is beyond the cut-off of 5
  CHECK(hit_rate(Span(ranks), 5) == 1.0);
  CHECK(precision(Span(ranks), 5) == 0.4);
  CHECK(recall(Span(ranks), 5) == Approx(2.0 / 3).epsilon(1e-15));
  CHECK(reciprocal_rank(Span(ranks), 5) == 1.0);
  CHECK(average_precision(Span(ranks), 5) == Approx((1.0 + 2.0 / 3) / 3).epsilon(1e-15));
  const double ideal = 1 + 1 / std::log2(3.0) + 0.5;
  CHECK(ndcg(Span(ranks), 5) == Approx(1.5 / ideal).epsilon(1e-15));

  const Ranks late{4, 5};
  CHECK(hit_rate(Span(late), 3) == 0.0);
  CHECK(precision(Span(late), 3) == 0.0);
  CHECK(recall(Span(late), 3) == 0.0);
  CHECK(reciprocal_rank(Span(late), 3) == 0.0);
  CHECK(reciprocal_rank(Span(late), 4) == 0.25);
  CHECK(average_precision(Span(late), 3) == 0.0);
  CHECK(ndcg(Span(late), 3) == 0.0);
}

TEST_CASE("a perfect list has MAP and NDCG 1 at every cut-off", "[metrics]") {
  const Ranks ranks{1, 2, 3, 4};
  for (const int cutoff : {1, 3, 4, 9}) {
    CHECK(average_precision(Span(ranks), cutoff) == 1.0);
    CHECK(ndcg(Span(ranks), cutoff) == 1.0);
  }
  CHECK(recall(Span(ranks), 2) == 0.5);
  CHECK(precision(Span(ranks), 9) == Approx(4.0 / 9).epsilon(1e-15));
}

TEST_CASE("of one relevant item they are the functions of its rank", "[metrics]") {
  for (const index_t rank : {1, 2, 5, 6, 40})
    for (const int cutoff : {1, 5, 10}) {
      const Ranks ranks{rank};
      const auto one = static_cast<double>(rank);
      CHECK(hit_rate(Span(ranks), cutoff) == hit_rate(one, cutoff));
      CHECK(recall(Span(ranks), cutoff) == recall(one, cutoff));
      CHECK(precision(Span(ranks), cutoff) == precision(one, cutoff));
      CHECK(reciprocal_rank(Span(ranks), cutoff) == reciprocal_rank(one, cutoff));
      CHECK(average_precision(Span(ranks), cutoff) == average_precision(one, cutoff));
      CHECK(ndcg(Span(ranks), cutoff) == ndcg(one, cutoff));
    }
}

TEST_CASE("they agree with counting in a shuffled list", "[metrics]") {
  // The oracle walks down the list of 0s and 1s, and takes the ideal gain from the same list sorted.
  std::mt19937 random(3);
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<int> relevant(5 + random() % 40);
    const auto count = 1 + random() % relevant.size();
    std::fill_n(relevant.begin(), count, 1);
    std::shuffle(relevant.begin(), relevant.end(), random);
    const auto cutoff = static_cast<int>(1 + random() % (relevant.size() + 5));
    Ranks ranks;
    double hits = 0, precisions = 0, gain = 0, ideal = 0, first = 0;
    for (std::size_t i = 0; i < relevant.size(); ++i) {
      if (relevant[i] == 1) ranks.push_back(static_cast<index_t>(i + 1));
      if (static_cast<int>(i) >= cutoff) continue;
      const double place = static_cast<double>(i + 1), weight = std::log(2.0) / std::log(place + 1);
      if (i < count) ideal += weight;
      if (relevant[i] == 0) continue;
      hits += 1;
      precisions += hits / place;
      gain += weight;
      if (first == 0) first = place;
    }
    const auto possible = static_cast<double>(std::min<std::size_t>(count, static_cast<std::size_t>(cutoff)));
    CAPTURE(trial, cutoff, relevant.size(), count);
    CHECK(hit_rate(Span(ranks), cutoff) == (hits > 0 ? 1.0 : 0.0));
    CHECK(precision(Span(ranks), cutoff) == Approx(hits / cutoff).epsilon(1e-14));
    CHECK(recall(Span(ranks), cutoff) == Approx(hits / static_cast<double>(count)).epsilon(1e-14));
    CHECK(reciprocal_rank(Span(ranks), cutoff) == Approx(first == 0 ? 0.0 : 1 / first).epsilon(1e-14));
    CHECK(average_precision(Span(ranks), cutoff) == Approx(precisions / possible).epsilon(1e-13));
    CHECK(ndcg(Span(ranks), cutoff) == Approx(gain / ideal).epsilon(1e-13));
  }
}

TEST_CASE("metrics of lists refuse what cannot be", "[metrics][errors]") {
  const Ranks none, zero{0, 1}, twice{2, 2}, falling{3, 2}, fine{1};
  CHECK(message_of<DataError>([&] { recall(Span(none), 5); }) == "recall: 0 items are relevant, expected at least 1");
  CHECK(message_of<ArgumentError>([&] { ndcg(Span(zero), 5); }) == "ndcg: rank is 0, expected more than 0");
  CHECK(message_of<ArgumentError>([&] { average_precision(Span(twice), 5); }) ==
        "average_precision: rank is 2, expected more than 2, the rank before it");
  CHECK_THROWS_AS(precision(Span(falling), 5), ArgumentError);
  CHECK(message_of<ArgumentError>([&] { hit_rate(Span(fine), 0); }) == "hit_rate: cut-off K is 0, expected at least 1");
}
