// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/softmax.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

namespace {

template <class S>
cpu::Piece<S> exp_of(S x) {
  return cpu::exp_of_nonpositive<S>(cpu::Piece<S>::Constant(x));
}

}  // namespace

TEMPLATE_TEST_CASE("exp of what is at most 0, in every lane", "[cpu]", float, double) {
  using S = TestType;
  constexpr index_t size = cpu::piece_size<S>;
  CHECK((exp_of(S(0)) == S(1)).all());
  double most = 0;
  for (index_t first = 0; first < 8700; first += size) {
    cpu::Piece<S> x;
    for (index_t i = 0; i < size; ++i) x(i) = static_cast<S>(static_cast<double>(first + i) * -0.01);
    const cpu::Piece<S> y = cpu::exp_of_nonpositive<S>(x);
    for (index_t i = 0; i < size; ++i) {
      const double expected = std::exp(static_cast<double>(x(i)));
      most = std::max(most, std::abs(static_cast<double>(y(i)) - expected) / expected);
      REQUIRE((exp_of(x(i)) == y(i)).all());  // wherever it stands
    }
  }
  CHECK(most <= 3 * static_cast<double>(std::numeric_limits<S>::epsilon()));
}

TEST_CASE("exp of what is at most 0 has Eigen's bits as far as floats are normal", "[cpu]") {
  for (int i = 0; i < 8730; ++i) {
    const cpu::Piece<float> x = cpu::Piece<float>::Constant(-0.01F * static_cast<float>(i)), by_eigen = x.exp();
    REQUIRE((cpu::exp_of_nonpositive<float>(x) == by_eigen).all());
  }
}

TEST_CASE("exp of what is far below 0 is nothing, and not a number stays so", "[cpu]") {
  const float infinity = std::numeric_limits<float>::infinity(), nothing = std::numeric_limits<float>::quiet_NaN();
  for (const float x : {-100.0F, -1000.0F, -3e38F, -infinity}) {
    CAPTURE(x);
    CHECK((exp_of(x) < 1e-38F).all());
    CHECK((exp_of(x) >= 0.0F).all());
  }
  CHECK(exp_of(nothing).isNaN().all());
  CHECK(exp_of(-nothing).isNaN().all());
}

TEMPLATE_TEST_CASE("softmax adds up to 1 and has the same bits at whatever address", "[cpu]", float, double) {
  using S = TestType;
  for (const index_t size : {1, 3, 16, 17, 50}) {
    std::vector<S> at(static_cast<std::size_t>(size) + 3);
    for (index_t i = 0; i < size; ++i) at[static_cast<std::size_t>(i)] = static_cast<S>(i % 7 - 3 * (i % 2)) - 1000;
    std::vector<S> elsewhere(at.size());
    std::copy_n(at.begin(), size, elsewhere.begin() + 1);
    std::vector<double> expected;
    double sum = 0;
    for (index_t i = 0; i < size; ++i)
      sum += expected.emplace_back(std::exp(0.5 * (static_cast<double>(at[static_cast<std::size_t>(i)]) + 1000)));
    cpu::softmax(at.data(), size, S(0.5));
    cpu::softmax(elsewhere.data() + 1, size, S(0.5));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CHECK(static_cast<double>(at[i]) == Approx(expected[i] / sum).epsilon(1e-5));
      CHECK(at[i] == elsewhere[i + 1]);
    }
    CHECK(static_cast<double>(std::accumulate(at.begin(), at.begin() + size, S(0))) == Approx(1).epsilon(1e-6));
  }
}
