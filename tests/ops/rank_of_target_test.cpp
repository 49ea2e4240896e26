// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/rank_of_target.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "seqrec/cpu/pack_items.hpp"
#include "seqrec/cpu/rank_of_target.hpp"
#include "seqrec/cuda/pack_items.cuh"
#include "seqrec/cuda/rank_of_target.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/histories.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

struct Problem {
  Matrix queries, table;                        ///< (B, D), (V, D)
  std::vector<item_t> targets;                  ///< (B)
  std::vector<std::vector<item_t>> exclusions;  ///< B lists, or none
  Layout layout = Layout::dense;
  Matrix bias{};  ///< (1, V), or empty
};

struct Results {
  std::vector<double> above, ties;
};

/// Whole numbers of few values: scores are exact on every backend, and many of them are equal.
Problem problem(index_t queries, index_t width, index_t items) {
  Problem p{random_matrix(queries, width, 1), random_matrix(items, width, 2), random_items(queries, items, 3), {}};
  for (Matrix* matrix : {&p.queries, &p.table})
    for (double& value : matrix->values) value = std::round(value);
  return p;
}
Problem with_biases(Problem p) {
  p.bias = random_matrix(1, p.table.rows, 5);
  for (double& value : p.bias.values) value = std::round(value);
  return p;
}

Results by_loops(const Problem& p) {
  Results r;
  for (index_t b = 0; b < p.queries.rows; ++b) {
    const item_t target = p.targets[static_cast<std::size_t>(b)];
    const auto score = [&](index_t item) {
      double sum = p.bias.size() != 0 ? p.bias(item) : 0;
      for (index_t d = 0; d < p.table.columns; ++d) sum += p.queries(b, d) * p.table(item, d);
      return sum;
    };
    const auto excluded = p.exclusions.empty() ? std::vector<item_t>{} : p.exclusions[static_cast<std::size_t>(b)];
    r.above.push_back(0);
    r.ties.push_back(0);
    for (index_t item = 0; item < p.table.rows; ++item) {
      if (item == target || std::find(excluded.begin(), excluded.end(), item) != excluded.end()) continue;
      r.above.back() += score(item) > score(target);
      r.ties.back() += score(item) == score(target);
    }
  }
  return r;
}

template <class Context>
Results ranked(Context& context, const Problem& p) {
  using Space = typename Context::Space;
  const index_t rows = p.queries.rows;
  const PlacedJagged<Space> exclusions(p.exclusions);
  PlacedScalars<Context> queries(p.queries, p.layout), table(p.table, p.layout);
  Placed<item_t, Space> targets(1, rows, p.targets, p.layout), above(Matrix(1, rows, -5), p.layout),
      ties(Matrix(1, rows, -5), p.layout);
  RankOfTarget<Context> a{.queries = queries.matrix(),
                          .head = {table.matrix()},
                          .targets = targets.vector(),
                          .exclusions = {},
                          .above = above.vector(),
                          .ties = ties.vector()};
  PlacedScalars<Context> bias(p.bias, p.layout);
  if (p.bias.size() != 0) a.head.bias = bias.vector();
  if (!p.exclusions.empty()) a.exclusions = exclusions.view();
  ops::rank_of_target(context, a);
  return {above.read().values, ties.read().values};
}
template <class Context>
Results ranked(const Problem& p) {
  Context context;
  return ranked(context, p);
}

template <class Context>
void check_against_loops(const Problem& p) {
  const Results r = ranked<Context>(p), expected = by_loops(p);
  CHECK(r.above == expected.above);
  CHECK(r.ties == expected.ties);
}

/// One query of width 1, whose scores are the given ones.
Problem scores_are(const std::vector<double>& scores, item_t target) {
  Problem p{Matrix(1, 1, 1.0), Matrix(static_cast<index_t>(scores.size()), 1), {target}, {}};
  p.table.values = scores;
  return p;
}

}  // namespace

TEMPLATE_TEST_CASE("rank_of_target: against loops, with and without exclusions", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for (const auto& [queries, width, items] :
       {std::array<index_t, 3>{1, 7, 5}, {0, 5, 3}, {33, 50, 130}, {5, 3, 1}, {300, 3, 9}, {40, 2, 9001}})
    for (const Layout layout : {Layout::dense, Layout::strided}) {
      CAPTURE(queries, width, items, layout == Layout::strided);
      Problem p = problem(queries, width, items);
      p.layout = layout;
      check_against_loops<TestType>(p);
      check_against_loops<TestType>(with_biases(p));
      for (index_t b = 0; b < queries; ++b) {  // distinct; some lists name the target, some nothing
        std::vector<item_t> list = random_items(b % 4, items, static_cast<std::uint64_t>(b));
        if (b % 3 == 0) list.push_back(p.targets[static_cast<std::size_t>(b)]);
        std::sort(list.begin(), list.end());
        list.erase(std::unique(list.begin(), list.end()), list.end());
        p.exclusions.push_back(list);
      }
      check_against_loops<TestType>(p);
    }
}

TEMPLATE_TEST_CASE("rank_of_target: the same counts in every schedule", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Problem p{random_matrix(70, 20, 1), random_matrix(130, 20, 2), random_items(70, 130, 3), {}};
  const std::vector<double> above = repeatable<TestType>([&] { return ranked<TestType>(p).above; });
  CHECK(above == ranked<CpuDouble>(p).above);
}

TEMPLATE_TEST_CASE("rank_of_target: equal scores are ties, and the target is not its own", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  Problem p = scores_are({2, 5, 2, 7, 2, 1}, 2);
  CHECK(ranked<TestType>(p).above == std::vector<double>{2});
  CHECK(ranked<TestType>(p).ties == std::vector<double>{2});
  p.exclusions = {{0, 1, 2}};  // a tie, one above, and the target, which stays
  CHECK(ranked<TestType>(p).above == std::vector<double>{1});
  CHECK(ranked<TestType>(p).ties == std::vector<double>{1});
}

TEMPLATE_TEST_CASE("rank_of_target: equal rows of the table tie, whatever their numbers", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  // Wherever they stand in a product's panels, of items as of queries: an all but collapsed model must not profit from
  // what rounding does there.
  constexpr index_t queries = 29;
  for (const index_t items : {37, 50, 51, 61, 300})
    for (const index_t width : {1, 6, 50}) {
      CAPTURE(items, width);
      const Matrix row = random_matrix(1, width, 1);
      Problem p{random_matrix(queries, width, 2), Matrix(items, width), {}, {}};
      for (index_t item = 0; item < items; ++item)
        for (index_t d = 0; d < width; ++d) p.table(item, d) = row(0, d);
      for (index_t query = 0; query < queries; ++query)
        p.targets.push_back(static_cast<item_t>(query * (items - 1) / (queries - 1)));
      CHECK(ranked<TestType>(p).above == std::vector<double>(queries, 0));
      CHECK(ranked<TestType>(p).ties == std::vector<double>(queries, static_cast<double>(items - 1)));
      p.exclusions.assign(queries, {0, 1, static_cast<item_t>(items - 1)});
      check_against_loops<TestType>(p);
    }
}

TEMPLATE_TEST_CASE("rank_of_target: a catalogue that is scored in parts", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  // 40000 items in parts of 6528, as 40 queries are: targets, what ties with them and what is left out lie in any
  constexpr index_t queries = 40, items = 40000, part = 6528;
  Problem p = with_biases(problem(queries, 3, items));
  for (index_t b = 0; b < queries; ++b) {
    p.targets[static_cast<std::size_t>(b)] = static_cast<item_t>(b % 2 == 0 ? (b / 2 * part) % items : b * 1000);
    p.exclusions.push_back({0, static_cast<item_t>(part - 1), static_cast<item_t>(part), items - 1});
  }
  check_against_loops<TestType>(p);

  // equal rows of the table tie across parts too
  const Matrix row = random_matrix(1, 6, 1);
  Problem equal{random_matrix(5, 6, 2), Matrix(items, 6), {0, 17, 20000, 39998, 39999}, {}};
  for (index_t i = 0; i < equal.table.size(); ++i) equal.table(i) = row(i % 6);
  CHECK(ranked<TestType>(equal).above == std::vector<double>(5, 0));
  CHECK(ranked<TestType>(equal).ties == std::vector<double>(5, items - 1));
  equal.bias = Matrix(1, items, 0.1);
  CHECK(ranked<TestType>(equal).above == std::vector<double>(5, 0));
  CHECK(ranked<TestType>(equal).ties == std::vector<double>(5, items - 1));
}

TEMPLATE_TEST_CASE("rank_of_target: takes no more memory for a catalogue of any size", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  // On the emulator, which is slow, a smaller one: 8 rows of it alone would be 6.4 MB of doubles.
  for (const index_t queries : on_device<TestType> ? std::vector<index_t>{9} : std::vector<index_t>{1, 8, 300}) {
    TestType context;
    ranked(context, problem(queries, 1, on_device<TestType> ? 100000 : 400000));
    CHECK(context.memory_held() < std::size_t{6} << 20);  // 8 rows of it alone would be 12 MB of floats
  }
}

TEMPLATE_TEST_CASE("rank_of_target: a row with a score that is not a number has no rank", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  const auto place = [](Problem p, const std::vector<item_t>& excluded) {
    if (!excluded.empty()) p.exclusions = {excluded};
    const Results r = ranked<TestType>(p);
    return std::array<double, 2>{r.above[0], r.ties[0]};
  };
  using Place = std::array<double, 2>;
  const Problem others = scores_are({1, not_a_number, 2, not_a_number, 0}, 2);
  CHECK(place(others, {}) == Place{-1, 0});
  CHECK(place(others, {1, 3}) == Place{-1, 0});  // excluded ones count too, as for whoever scores everything
  const Problem itself = scores_are({1, 3, not_a_number, 2, 0}, 2);
  CHECK(place(itself, {}) == Place{-1, 0});
  CHECK(place(itself, {0, 4}) == Place{-1, 0});
  const Problem all = scores_are({not_a_number, not_a_number, not_a_number}, 1);
  CHECK(place(all, {}) == Place{-1, 0});
  CHECK(place(all, {0, 1}) == Place{-1, 0});
  const double infinity = std::numeric_limits<double>::infinity();  // these have an order
  CHECK(place(scores_are({1, infinity, 2, -infinity, 0}, 2), {}) == Place{1, 0});
  // One in a later block of items, or an earlier one than the target's, spoils the row all the same, and no other row.
  for (const index_t broken : {0, 39'999}) {
    Problem far{Matrix(2, 1, 1.0), Matrix(40'000, 1, 0.5), {20'000, 20'000}, {}};
    far.table(20'000) = 1;
    CHECK(place(far, {}) == Place{0, 0});
    far.table(broken) = not_a_number;
    CHECK(ranked<TestType>(far).above == std::vector<double>{-1, -1});
    CHECK(ranked<TestType>(far).ties == std::vector<double>{0, 0});
  }
  Problem two{Matrix(2, 1, 1.0), Matrix(5, 1, 0.5), {1, 1}, {}};
  two.queries(0) = not_a_number;
  CHECK(ranked<TestType>(two).above == std::vector<double>{-1, 0});
  CHECK(ranked<TestType>(two).ties == std::vector<double>{0, 4});
}

TEST_CASE("rank_of_target: float agrees with double", "[ops]") {
  const Problem p{random_matrix(40, 50, 1), random_matrix(500, 50, 2), random_items(40, 500, 3), {}};
  CHECK(ranked<CpuFloat>(p).above == ranked<CpuDouble>(p).above);
}

TEST_CASE("rank_of_target: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  Context context;
  const PlacedJagged<HostSpace> exclusions(std::vector<std::vector<item_t>>{{0}, {}, {2}});
  std::vector<item_t> items(4);
  const auto message = [&](auto change) {
    auto a = RankOfTarget<Context>{.queries = context.matrix(3, 5),
                                   .head = {context.matrix(6, 5)},
                                   .targets = {items.data(), 3},
                                   .exclusions = exclusions.view(),
                                   .above = {items.data(), 3},
                                   .ties = {items.data(), 3}};
    change(a);
    return message_of<ShapeError>([&] { ops::rank_of_target(context, a); });
  };
  const std::string op = "rank_of_target: ";
  CHECK(message([&](auto& a) { a.head.table = context.matrix(6, 4); }) == op + "columns of table is 4, expected 5");
  CHECK(message([&](auto& a) { a.head.bias = context.vector(5); }) == op + "size of bias is 5, expected 6");
  CHECK(message([&](auto& a) { a.targets = {items.data(), 2}; }) == op + "size of targets is 2, expected 3");
  CHECK(message([&](auto& a) { a.above = {items.data(), 4}; }) == op + "size of above is 4, expected 3");
  CHECK(message([&](auto& a) { a.ties = {items.data(), 2}; }) == op + "size of ties is 2, expected 3");
  const std::vector<offset_t> beyond = {0, 1, 1, 3};
  CHECK(message([&](auto& a) {
          a.exclusions.offsets = {beyond.data(), 4};
        }) == "rank_of_target: offsets of exclusions(3) is 3, expected 2, the number of rows");
  CHECK(message([&](auto& a) { a.exclusions.offsets = a.exclusions.offsets.row_range(0, 3); }) ==
        op + "segments of exclusions is 2, expected 3");
}
