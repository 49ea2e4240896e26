// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/score_items.hpp"

#include <array>
#include <vector>

#include "seqrec/cpu/score_items.hpp"
#include "seqrec/cuda/score_items.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/histories.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

struct Problem {
  Matrix queries, table;                        ///< (B, D), (V, D)
  std::vector<std::vector<item_t>> candidates;  ///< B lists
  Layout layout = Layout::dense;
  Matrix bias{};  ///< (1, V), or empty
};

Problem problem(const std::vector<index_t>& lengths, index_t width, index_t items) {
  Problem p{random_matrix(static_cast<index_t>(lengths.size()), width, 1), random_matrix(items, width, 2), {}};
  std::uint64_t seed = 3;
  for (const index_t length : lengths) p.candidates.push_back(random_items(length, items, seed++));
  return p;
}

Matrix by_loops(const Problem& p) {
  Matrix scores(1, 0);
  for (std::size_t b = 0; b < p.candidates.size(); ++b)
    for (const item_t item : p.candidates[b]) {
      double score = p.bias.size() != 0 ? p.bias(item) : 0;
      for (index_t d = 0; d < p.table.columns; ++d) score += p.queries(static_cast<index_t>(b), d) * p.table(item, d);
      scores.values.push_back(score);
      ++scores.columns;
    }
  return scores;
}

template <class Context>
Matrix scored(const Problem& p) {
  Context context;
  const PlacedJagged<typename Context::Space> candidates(p.candidates);
  PlacedScalars<Context> queries(p.queries, p.layout), table(p.table, p.layout),
      scores(unwritten(1, candidates.view().size()), p.layout);
  PlacedScalars<Context> bias(p.bias, p.layout);
  const auto biases = p.bias.size() != 0 ? bias.vector() : vector_of<Context>{};
  ops::score_items(context, ScoreItems<Context>{.queries = queries.matrix(),
                                                .head = {table.matrix(), biases},
                                                .candidates = candidates.view(),
                                                .scores = scores.vector()});
  return scores.read();
}

}  // namespace

TEMPLATE_TEST_CASE("score_items: against loops", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for (const auto& lengths : batches_of_lengths())
    for (const index_t width : {1, 7, 50, 64})
      for (const Layout layout : {Layout::dense, Layout::strided}) {
        CAPTURE(lengths, width, layout == Layout::strided);
        Problem p = problem(lengths, width, 13);
        p.layout = layout;
        CHECK(difference(scored<TestType>(p), by_loops(p)) <= tolerance<TestType>::value);
        p.bias = random_matrix(1, 13, 5);
        CHECK(difference(scored<TestType>(p), by_loops(p)) <= tolerance<TestType>::value);
      }
}

TEMPLATE_TEST_CASE("score_items: more listed items than a block takes, one user and many", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  for (const auto& lengths : {std::vector<index_t>{300}, {100, 0, 29, 128, 1}}) {
    const Problem p = problem(lengths, 35, 400);
    const Matrix scores = repeatable<TestType>([&] { return scored<TestType>(p); });
    CHECK(difference(scores, by_loops(p)) <= tolerance<TestType>::value);
  }
}

TEMPLATE_TEST_CASE("score_items: a user's scores do not depend on the other users", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  const Problem p = problem({4, 0, 9}, 50, 13);
  Problem last{p.queries.row_range(2, 1), p.table, {p.candidates[2]}};
  const Matrix together = scored<TestType>(p), alone = scored<TestType>(last);
  for (index_t c = 0; c < 9; ++c) CHECK(alone(c) == Approx(together(4 + c)).epsilon(1e-5));
}

TEST_CASE("score_items: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  Context context;
  const PlacedJagged<HostSpace> candidates(std::vector<std::vector<item_t>>{{0, 1}, {}, {2}});
  const auto message = [&](auto change) {
    auto a = ScoreItems<Context>{.queries = context.matrix(3, 5),
                                 .head = {context.matrix(6, 5)},
                                 .candidates = candidates.view(),
                                 .scores = context.vector(3)};
    change(a);
    return message_of<ShapeError>([&] { ops::score_items(context, a); });
  };
  CHECK(message([&](auto& a) { a.head.table = context.matrix(6, 4); }) ==
        "score_items: columns of table is 4, expected 5");
  CHECK(message([&](auto& a) { a.head.bias = context.vector(5); }) == "score_items: size of bias is 5, expected 6");
  CHECK(message([&](auto& a) { a.queries = context.matrix(2, 5); }) ==
        "score_items: segments of candidates is 3, expected 2");
  const std::vector<offset_t> beyond = {0, 2, 2, 4};
  CHECK(message([&](auto& a) {
          a.candidates.offsets = {beyond.data(), 4};
        }) == "score_items: offsets of candidates(3) is 4, expected 3, the number of rows");
  CHECK(message([&](auto& a) { a.scores = context.vector(4); }) == "score_items: size of scores is 4, expected 3");
}
