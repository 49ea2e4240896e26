// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/lanes.hpp"

#include <cmath>
#include <limits>

#include "support/catch.hpp"

using namespace seqrec;

namespace {

template <class Real>
constexpr double rounding = std::is_same_v<Real, float> ? 3e-7 : 1e-15;

/// The first lane of f(x), after requiring the same of all others.
template <class Real, class F>
double in_every_lane(double x, F f) {
  using Pack = cpu::Lanes<Real>;
  Real values[Pack::count];
  f(Pack(x)).store(values);
  for (const Real value : values) CHECK((value == values[0] || std::isnan(value)));
  return static_cast<double>(values[0]);
}

}  // namespace

TEMPLATE_TEST_CASE("cpu lanes: functions agree with the standard library's", "[cpu]", float, double) {
  using Real = TestType;
  for (const double of : {-80.0, -20.0, -3.7, -1e-3, 0.0, 1e-8, 0.3, 1.0, 12.5, 60.0}) {
    const auto x = static_cast<double>(static_cast<Real>(of));
    CAPTURE(x);
    CHECK(in_every_lane<Real>(x, [](auto v) { return exp(v); }) == Approx(std::exp(x)).epsilon(rounding<Real>));
    if (x > -1)
      CHECK(in_every_lane<Real>(x, [](auto v) { return log1p(v); }) == Approx(std::log1p(x)).epsilon(rounding<Real>));
    CHECK(in_every_lane<Real>(x, [](auto v) { return abs(v); }) == std::abs(x));
    const lanes::Softplus<double> expected(x);
    using lanes::Softplus;
    const auto part = [&](auto of_pack) { return in_every_lane<Real>(x, of_pack); };
    CHECK(part([](auto v) { return Softplus(v).value; }) == Approx(expected.value).epsilon(1.5 * rounding<Real>));
    CHECK(part([](auto v) { return Softplus(v).slope; }) == Approx(expected.slope).epsilon(1.5 * rounding<Real>));
    CHECK(part([](auto v) { return Softplus(v).complement; }) ==
          Approx(expected.complement).epsilon(1.5 * rounding<Real>));
  }
}

TEMPLATE_TEST_CASE("cpu lanes: ends of the range, and what is not a number", "[cpu]", float, double) {
  using Real = TestType;
  const double infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  for (const double x : {-1e4, -infinity}) CHECK(in_every_lane<Real>(x, [](auto v) { return exp(v); }) == 0);
  CHECK(in_every_lane<Real>(0, [](auto v) { return exp(v); }) == 1);
  CHECK(in_every_lane<Real>(0, [](auto v) { return log1p(v); }) == 0);
  CHECK(std::isnan(in_every_lane<Real>(nan, [](auto v) { return exp(v); })));
  CHECK(std::isnan(in_every_lane<Real>(nan, [](auto v) { return log1p(v); })));
  CHECK(std::isnan(in_every_lane<Real>(nan, [](auto v) { return lanes::Softplus(v).value; })));
  CHECK(std::isnan(in_every_lane<Real>(nan, [](auto v) { return lanes::Softplus(v).slope; })));
  CHECK(std::isnan(in_every_lane<Real>(nan, [](auto v) { return max(v, decltype(v)(2.0)); })));
  CHECK(in_every_lane<Real>(nan, [](auto v) { return max(decltype(v)(2.0), v); }) == 2);
  const auto less_than_2 = [](auto v) {
    using Pack = decltype(v);
    return where_less(v, Pack(2.0), Pack(3.0), Pack(4.0));
  };
  CHECK(in_every_lane<Real>(1, less_than_2) == 3);
  CHECK(in_every_lane<Real>(2, less_than_2) == 4);
  CHECK(in_every_lane<Real>(nan, less_than_2) == 4);
}

TEMPLATE_TEST_CASE("cpu lanes: each lane has a sum of its own, in double", "[cpu]", float, double) {
  using Pack = cpu::Lanes<TestType>;
  TestType values[Pack::count], rounded[Pack::count];
  for (index_t lane = 0; lane < Pack::count; ++lane) values[lane] = static_cast<TestType>(lane);
  lanes::Sum<Pack> sum;
  sum.add(Pack(0x1p24));
  for (int i = 0; i < 3; ++i) sum.add(Pack::load(values));
  sum.rounded().store(rounded);
  for (index_t lane = 0; lane < Pack::count; ++lane) {
    CHECK(sum[lane] == 0x1p24 + 3 * static_cast<double>(lane));
    CHECK(rounded[lane] == static_cast<TestType>(sum[lane]));
  }
}
