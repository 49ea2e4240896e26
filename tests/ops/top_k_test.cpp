// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/top_k.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "seqrec/cpu/pack_items.hpp"
#include "seqrec/cpu/score_items.hpp"
#include "seqrec/cpu/top_k.hpp"
#include "seqrec/cuda/pack_items.cuh"
#include "seqrec/cuda/score_items.cuh"
#include "seqrec/cuda/top_k.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/histories.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Problem {
  Matrix queries, table;                        ///< (B, D), (V, D)
  std::vector<std::vector<item_t>> exclusions;  ///< B lists, or none
  index_t k = 1;
  Layout layout = Layout::dense;
  Matrix bias{};  ///< (1, V), or empty
};

struct Results {
  Matrix items, scores;  ///< (B, K)
};

/// Whole numbers of few values: scores are exact on every backend, and many of them are equal.
Problem problem(index_t queries, index_t width, index_t items, index_t k) {
  Problem p{random_matrix(queries, width, 1), random_matrix(items, width, 2), {}, k};
  for (Matrix* matrix : {&p.queries, &p.table})
    for (double& value : matrix->values) value = std::round(value);
  return p;
}
Problem with_biases(Problem p) {
  p.bias = random_matrix(1, p.table.rows, 5);
  for (double& value : p.bias.values) value = std::round(value);
  return p;
}

[[maybe_unused]] bool same_bits(const Results& a, const Results& b) {
  return seqrec_test::same_bits(std::vector{a.items, a.scores}, std::vector{b.items, b.scores});
}

Results by_loops(const Problem& p) {
  Results r{Matrix(p.queries.rows, p.k, -1), Matrix(p.queries.rows, p.k, -infinity)};
  for (index_t b = 0; b < p.queries.rows; ++b) {
    std::vector<std::pair<double, index_t>> ranking;  // (-score, item): ascending is what is wanted
    for (index_t item = 0; item < p.table.rows; ++item) {
      double score = p.bias.size() != 0 ? p.bias(item) : 0;
      for (index_t d = 0; d < p.table.columns; ++d) score += p.queries(b, d) * p.table(item, d);
      const auto excluded = p.exclusions.empty() ? std::vector<item_t>{} : p.exclusions[static_cast<std::size_t>(b)];
      if (std::find(excluded.begin(), excluded.end(), item) == excluded.end()) ranking.emplace_back(-score, item);
    }
    std::sort(ranking.begin(), ranking.end());
    for (index_t place = 0; place < p.k && place < static_cast<index_t>(ranking.size()); ++place) {
      r.scores(b, place) = -ranking[static_cast<std::size_t>(place)].first;
      r.items(b, place) = static_cast<double>(ranking[static_cast<std::size_t>(place)].second);
    }
  }
  return r;
}

template <class Context>
Results best(Context& context, const Problem& p) {
  using Space = typename Context::Space;
  const PlacedJagged<Space> exclusions(p.exclusions);
  PlacedScalars<Context> queries(p.queries, p.layout), table(p.table, p.layout),
      scores(unwritten(p.queries.rows, p.k), p.layout);
  Placed<item_t, Space> items(Matrix(p.queries.rows, p.k, -5), p.layout);
  TopK<Context> a{.queries = queries.matrix(),
                  .head = {table.matrix()},
                  .exclusions = {},
                  .items = items.matrix(),
                  .scores = scores.matrix()};
  if (!p.exclusions.empty()) a.exclusions = exclusions.view();
  PlacedScalars<Context> bias(p.bias, p.layout);
  if (p.bias.size() != 0) a.head.bias = bias.vector();
  ops::top_k(context, a);
  return {items.read(), scores.read()};
}
template <class Context>
Results best(const Problem& p) {
  Context context;
  return best(context, p);
}

template <class Context>
void check_against_loops(const Problem& p) {
  const Results r = best<Context>(p), expected = by_loops(p);
  CHECK(r.items.values == expected.items.values);
  CHECK(r.scores.values == expected.scores.values);
}

}  // namespace

TEMPLATE_TEST_CASE("top_k: against a sort, ties in ascending order of item", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for (const auto& [queries, width, items] :
       {std::array<index_t, 3>{1, 7, 5}, {0, 5, 3}, {33, 50, 130}, {5, 3, 1}, {300, 3, 9}, {40, 2, 9001}})
    for (const index_t k : {index_t{1}, std::min<index_t>(items, 10), std::min<index_t>(items, 130)})
      for (const Layout layout : {Layout::dense, Layout::strided}) {
        CAPTURE(queries, width, items, k, layout == Layout::strided);
        // The emulator is slow.
        if (on_device<TestType> && queries + items > 200 && (layout == Layout::strided || k == 1 || k == 10)) continue;
        Problem p = problem(queries, width, items, k);
        p.layout = layout;
        check_against_loops<TestType>(p);
        check_against_loops<TestType>(with_biases(p));
        for (index_t b = 0; b < queries; ++b) p.exclusions.push_back(random_items(b % 4, items, 7));
        check_against_loops<TestType>(p);
      }
}

TEMPLATE_TEST_CASE("top_k: equal scores come in ascending order of item", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem(1, 1, 6, 4);
  p.queries.values = {1};
  p.table.values = {2, 5, 2, 5, 5, 2};
  CHECK(best<TestType>(p).items.values == std::vector<double>{1, 3, 4, 0});
}

TEMPLATE_TEST_CASE("top_k: items of equal vectors come in ascending order, whatever their numbers", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  // Wherever they stand in a product's panels, of items as of queries.
  constexpr index_t queries = 29;
  for (const index_t items : {37, 50, 51, 61, 300})
    for (const index_t width : {1, 6, 50}) {
      CAPTURE(items, width);
      const Matrix row = random_matrix(1, width, 1);
      Problem p{random_matrix(queries, width, 2), Matrix(items, width), {}, items - 1};
      for (index_t i = 0; i < p.table.size(); ++i) p.table(i) = row(i % width);
      if (width == 6) p.bias = Matrix(1, items, 0.1);
      const Results r = best<TestType>(p);
      index_t wrong = 0;
      for (index_t query = 0; query < queries; ++query)
        for (index_t place = 0; place < p.k; ++place)
          wrong += r.items(query, place) != static_cast<double>(place) || r.scores(query, place) != r.scores(query, 0);
      CHECK(wrong == 0);
    }
}

TEMPLATE_TEST_CASE("top_k: scores are those of score_items, in company or alone", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Problem p{random_matrix(21, 50, 1), random_matrix(500, 50, 2), {}, 20};
  p.bias = random_matrix(1, 500, 3);
  const Results together = best<TestType>(p);
  std::vector<std::vector<item_t>> found(21);
  for (index_t query = 0; query < 21; ++query)
    for (index_t place = 0; place < p.k; ++place)
      found[static_cast<std::size_t>(query)].push_back(static_cast<item_t>(together.items(query, place)));
  TestType context;
  const PlacedJagged<typename TestType::Space> candidates(found);
  PlacedScalars<TestType> queries(p.queries, p.layout), table(p.table, p.layout), bias(p.bias, p.layout),
      scores(unwritten(1, 21 * p.k), p.layout);
  ops::score_items(context, ScoreItems<TestType>{
                                queries.matrix(), {table.matrix(), bias.vector()}, candidates.view(), scores.vector()});
  CHECK(scores.read().values == together.scores.values);

  for (const index_t query : {0, 20}) {
    Problem one = p;
    one.queries = p.queries.row_range(query, 1);
    const Results alone = best<TestType>(one);
    CHECK(same_bits(alone.items, together.items.row_range(query, 1)));
    CHECK(same_bits(alone.scores, together.scores.row_range(query, 1)));
  }
}

TEMPLATE_TEST_CASE("top_k: a catalogue that is scored in parts", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Problem p = with_biases(problem(64, 3, 40000, 70));  // parts of 4096 items, or 32768 on a GPU
  if (!on_device<TestType>) check_against_loops<TestType>(p);
  for (index_t b = 0; b < 64; ++b) p.exclusions.push_back({39999, 4095, 4096, 32767, 32768, static_cast<item_t>(b)});
  check_against_loops<TestType>(p);
  Problem one = with_biases(problem(1, 3, on_device<TestType> ? 40000 : 300000, 70));  // of 262144, or in runs
  check_against_loops<TestType>(one);
}

TEMPLATE_TEST_CASE("top_k: a thousand items and more, wherever the best of them stand", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  for (const bool ascending : {true, false})
    for (const index_t k : {1024, 1500, 3000}) {
      CAPTURE(ascending, k);
      Problem p = problem(2, 1, 3000, k);
      p.queries.values = {1, -1};
      for (index_t i = 0; i < 3000; ++i) p.table(i) = static_cast<double>(ascending ? i / 2 : i * 7919 % 2999);
      p.exclusions = {{1, 2999}, {}};
      const Results r = repeatable<TestType>([&] { return best<TestType>(p); }), expected = by_loops(p);
      CHECK(r.items.values == expected.items.values);
      CHECK(r.scores.values == expected.scores.values);
    }
}

TEMPLATE_TEST_CASE("top_k: more states than are looked at together", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem(1030, 1, 5, 2);
  for (index_t b = 0; b < 1030; ++b) p.exclusions.push_back({static_cast<item_t>(b % 5)});
  check_against_loops<TestType>(p);
}

TEMPLATE_TEST_CASE("top_k: takes no more memory for a catalogue of any size", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  if constexpr (on_device<TestType>) {
    TestType context;
    best(context, problem(40, 1, 120000, 3));
    CHECK(context.memory_held() < std::size_t{36} << 20);  // all scores alone would be 38 MB of doubles
  } else {
    for (const index_t queries : {1, 8, 300}) {
      TestType context;
      best(context, problem(queries, 1, 400000, 3));
      CHECK(context.memory_held() < std::size_t{6} << 20);  // 8 rows of it alone would be 12 MB of floats
    }
  }
}

TEMPLATE_TEST_CASE("top_k: where the catalogue is exhausted, the rest is item -1 with score -infinity", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem(3, 1, 4, 4);
  p.queries.values = {1, 1, -1};
  p.table.values = {1, 3, 2, 4};
  p.exclusions = {{3, 0}, {2, 0, 1, 3}, {}};
  const Results r = best<TestType>(p);
  CHECK(r.items.values == std::vector<double>{1, 2, -1, -1, -1, -1, -1, -1, 0, 2, 1, 3});
  CHECK(r.scores.values ==
        std::vector<double>{3, 2, -infinity, -infinity, -infinity, -infinity, -infinity, -infinity, -1, -2, -3, -4});
}

TEMPLATE_TEST_CASE("top_k: an item named twice among the exclusions is excluded once", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem(1, 1, 3, 3);
  p.queries.values = {1};
  p.table.values = {1, 3, 2};
  p.exclusions = {{1, 1}};
  CHECK(best<TestType>(p).items.values == std::vector<double>{2, 0, -1});
}

TEMPLATE_TEST_CASE("top_k: where a score is not a number, nothing is offered", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  for (const index_t queries : {1, 6})                                    // alone, or in company
    for (const index_t items : {4, on_device<TestType> ? 10000 : 40000})  // in one part, or in several
      for (const index_t bad : {index_t{1}, items - 1}) {
        CAPTURE(queries, items, bad);
        Problem p = problem(queries, 1, items, 2);
        std::fill(p.queries.values.begin(), p.queries.values.end(), 1.0);
        p.queries(queries - 1) = 0;  // 0 times NaN is none either
        for (index_t i = 0; i < items; ++i) p.table(i) = -static_cast<double>(i);
        p.table(bad) = nan;
        const auto refused = [&](const Results& r, index_t query) {
          return r.items(query, 0) == -1 && r.items(query, 1) == -1 && std::isnan(r.scores(query, 0)) &&
                 std::isnan(r.scores(query, 1));
        };
        const Results all = best<TestType>(p);
        for (index_t query = 0; query < queries; ++query) CHECK(refused(all, query));
        p.exclusions.assign(static_cast<std::size_t>(queries), {});
        p.exclusions.front() = {static_cast<item_t>(bad)};  // an item that is not offered may score as it likes
        const Results r = best<TestType>(p);
        CHECK(r.items(0, 0) == 0);
        CHECK(r.items(0, 1) == (bad == 1 ? 2 : 1));
        for (index_t query = 1; query < queries; ++query) CHECK(refused(r, query));
      }
}

TEMPLATE_TEST_CASE("top_k: an item that scores minus infinity is never offered", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Problem p = problem(1, 1, 4, 4);
  p.queries.values = {1};
  p.table.values = {1, -infinity, -3, infinity};
  CHECK(best<TestType>(p).items.values == std::vector<double>{3, 0, 2, -1});
}

TEST_CASE("top_k: float agrees with double", "[ops]") {
  Problem p{random_matrix(20, 50, 1), random_matrix(500, 50, 2), {}, 10};
  const Results single = best<CpuFloat>(p), twice = best<CpuDouble>(p);
  CHECK(single.items.values == twice.items.values);
  CHECK(difference(single.scores, twice.scores) <= tolerance<CpuFloat>::value);
}

TEST_CASE("top_k: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  Context context;
  const PlacedJagged<HostSpace> exclusions(std::vector<std::vector<item_t>>{{0}, {}, {2}});
  std::vector<item_t> items(100);
  const auto message = [&](auto change) {
    auto a = TopK<Context>{.queries = context.matrix(3, 5),
                           .head = {context.matrix(6, 5)},
                           .exclusions = exclusions.view(),
                           .items = {items.data(), 3, 4},
                           .scores = context.matrix(3, 4)};
    change(a);
    return message_of<ShapeError>([&] { ops::top_k(context, a); });
  };
  CHECK(message([&](auto& a) { a.head.table = context.matrix(6, 4); }) == "top_k: columns of table is 4, expected 5");
  CHECK(message([&](auto& a) { a.head.bias = context.vector(5); }) == "top_k: size of bias is 5, expected 6");
  CHECK(message([&](auto& a) { a.items = {items.data(), 2, 4}; }) == "top_k: rows of items is 2, expected 3");
  CHECK(message([&](auto& a) { a.scores = context.matrix(2, 4); }) == "top_k: rows of scores is 2, expected 3");
  CHECK(message([&](auto& a) { a.scores = context.matrix(3, 5); }) == "top_k: columns of scores is 5, expected 4");
  const std::vector<offset_t> beyond = {0, 1, 1, 3};
  CHECK(message([&](auto& a) {
          a.exclusions.offsets = {beyond.data(), 4};
        }) == "top_k: offsets of exclusions(3) is 3, expected 2, the number of rows");
  CHECK(message([&](auto& a) { a.exclusions.offsets = a.exclusions.offsets.row_range(0, 3); }) ==
        "top_k: segments of exclusions is 2, expected 3");
  CHECK(message([&](auto& a) {
          a.items = {items.data(), 3, 7};
          a.scores = context.matrix(3, 7);
        }) == "top_k: K is 7, expected 1 to 6, the number of items");
  CHECK(message([&](auto& a) {
          a.items = {items.data(), 3, 0};
          a.scores = context.matrix(3, 0);
        }) == "top_k: K is 0, expected 1 to 6, the number of items");
}
