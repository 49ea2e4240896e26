// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/score_candidates.hpp"

#include <array>
#include <vector>

#include "seqrec/cpu/score_candidates.hpp"
#include "support/backends.hpp"
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
      double score = 0;
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
  ops::score_candidates(context, ScoreCandidates<Context>{.queries = queries.matrix(),
                                                          .table = table.matrix(),
                                                          .candidates = candidates.view(),
                                                          .scores = scores.vector()});
  return scores.read();
}

}  // namespace

TEMPLATE_TEST_CASE("score_candidates: against loops", "[ops]", SEQREC_TEST_BACKENDS) {
  for (const auto& lengths : batches_of_lengths())
    for (const index_t width : {1, 7, 50, 64})
      for (const Layout layout : {Layout::dense, Layout::strided}) {
        CAPTURE(lengths, width, layout == Layout::strided);
        Problem p = problem(lengths, width, 13);
        p.layout = layout;
        CHECK(difference(scored<TestType>(p), by_loops(p)) <= tolerance<TestType>::value);
      }
}

TEMPLATE_TEST_CASE("score_candidates: a user's scores do not depend on the other users", "[ops]",
                   SEQREC_TEST_BACKENDS) {
  const Problem p = problem({4, 0, 9}, 50, 13);
  Problem last{p.queries.row_range(2, 1), p.table, {p.candidates[2]}};
  const Matrix together = scored<TestType>(p), alone = scored<TestType>(last);
  for (index_t c = 0; c < 9; ++c) CHECK(alone(c) == Approx(together(4 + c)).epsilon(1e-5));
}

TEST_CASE("score_candidates: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  Context context;
  const PlacedJagged<HostSpace> candidates(std::vector<std::vector<item_t>>{{0, 1}, {}, {2}});
  const auto message = [&](auto change) {
    auto a = ScoreCandidates<Context>{.queries = context.matrix(3, 5),
                                      .table = context.matrix(6, 5),
                                      .candidates = candidates.view(),
                                      .scores = context.vector(3)};
    change(a);
    return message_of<ShapeError>([&] { ops::score_candidates(context, a); });
  };
  CHECK(message([&](auto& a) { a.table = context.matrix(6, 4); }) ==
        "score_candidates: columns of table is 4, expected 5");
  CHECK(message([&](auto& a) { a.queries = context.matrix(2, 5); }) ==
        "score_candidates: segments of candidates is 3, expected 2");
  CHECK(message([&](auto& a) { a.scores = context.vector(4); }) == "score_candidates: size of scores is 4, expected 3");
}
