// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/additive_scores.hpp"

#include <array>
#include <cmath>
#include <vector>

#include "seqrec/ops/additive_attention.hpp"
#include "support/catch.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

template <class S>
using Context = cpu::BasicContext<S>;

/// Queries, keys and weights as an op is given them.
template <class S>
struct Operands {
  Placed<S, HostSpace> queries, keys, weight;

  Operands(const Matrix& q, const Matrix& k, const Matrix& v)
      : queries(q, Layout::strided), keys(k, Layout::strided), weight(v, Layout::dense) {}
  AdditiveAttentionForward<Context<S>> arguments(Squash squash) {
    AdditiveAttentionForward<Context<S>> a;
    a.queries = queries.matrix();
    a.keys = keys.matrix();
    a.weight = weight.vector();
    a.squash = squash;
    return a;
  }
};

}  // namespace

TEMPLATE_TEST_CASE("sums_of_four: the sum of each", "[cpu]", float, double) {
  std::array<cpu::Piece<TestType>, 4> pieces;
  for (std::size_t n = 0; n < 4; ++n)
    for (index_t i = 0; i < cpu::piece_size<TestType>; ++i)
      pieces[n](i) = static_cast<TestType>(100 * (static_cast<index_t>(n) + 1) + i);
  std::array<TestType, 5> sums{-1, -1, -1, -1, -1};
  cpu::detail::sums_of_four<TestType>(pieces.data(), sums.data());
  const index_t size = cpu::piece_size<TestType>;
  for (std::size_t n = 0; n < 4; ++n) {
    const index_t expected = 100 * (static_cast<index_t>(n) + 1) * size + size * (size - 1) / 2;
    CHECK(sums[n] == static_cast<TestType>(expected));
  }
  CHECK(sums[4] == -1);
}

TEMPLATE_TEST_CASE("AdditiveUnits: a query and four keys, whichever way they are met", "[cpu]", float, double) {
  Matrix q = random_matrix(2, 21, 1), k = random_matrix(6, 21, 2);
  const Matrix v = random_matrix(1, 21, 3);
  for (index_t unit = 0; unit < 21; ++unit) {
    q(1, unit) = 85 + q(1, unit);  // too large for products of exponentials, in float and double
    k(5, unit) = -85 + k(5, unit);
  }
  for (const Squash squash : {Squash::sigmoid, Squash::hard_sigmoid})
    for (const index_t row : {0, 1})
      for (const index_t first : {0, 2, 4})
        for (index_t count = 1; count <= std::min<index_t>(4, 6 - first); ++count) {
          CAPTURE(static_cast<int>(squash), row, first, count);
          Context<TestType> context;
          Operands<TestType> operands(q, k, v);
          const cpu::detail::AdditiveUnits<Context<TestType>> units(context, operands.arguments(squash));
          REQUIRE(units.units() % cpu::piece_size<TestType> == 0);
          REQUIRE(units.units() >= 21);
          units.meet(row, first, count, [&](const auto& squashed) {
            for (index_t unit = 0; unit < units.units(); unit += cpu::piece_size<TestType>) {
              std::array<cpu::Piece<TestType>, 4> pieces;
              squashed(unit, pieces.data());
              for (index_t i = 0; i < cpu::piece_size<TestType>; ++i) {
                if (unit + i >= 21) {
                  CHECK(units.weight(unit)(i) == 0);
                  continue;
                }
                for (index_t n = 0; n < count; ++n) {
                  const double x = q(row, unit + i) + k(first + n, unit + i);
                  const double expected =
                      squash == Squash::sigmoid ? 1 / (1 + std::exp(-x)) : std::clamp(x / 5 + 0.5, 0.0, 1.0);
                  const auto found = static_cast<double>(pieces[static_cast<std::size_t>(n)](i));
                  CHECK(found == Approx(expected).margin(100 * std::numeric_limits<TestType>::epsilon()));
                }
              }
            }
          });
        }
}

TEMPLATE_TEST_CASE("AdditiveUnits: keys that a row does not see change nothing", "[cpu]", float, double) {
  const Matrix q = random_matrix(1, 9, 1), v = random_matrix(1, 9, 3);
  Matrix k = random_matrix(4, 9, 2);
  const auto first_two = [&] {
    Context<TestType> context;
    Operands<TestType> operands(q, k, v);
    const cpu::detail::AdditiveUnits<Context<TestType>> units(context, operands.arguments(Squash::sigmoid));
    std::vector<TestType> found;
    units.meet(0, 0, 2, [&](const auto& squashed) {
      std::array<cpu::Piece<TestType>, 4> pieces;
      squashed(0, pieces.data());
      for (std::size_t n = 0; n < 2; ++n)
        for (index_t i = 0; i < cpu::piece_size<TestType>; ++i) found.push_back(pieces[n](i));
    });
    return found;
  };
  const auto before = first_two();
  for (index_t unit = 0; unit < 9; ++unit) k(2, unit) = 700, k(3, unit) = -2;
  CHECK(first_two() == before);
}
