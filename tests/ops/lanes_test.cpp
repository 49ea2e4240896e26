// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/lanes.hpp"

#include <cmath>
#include <limits>

#include "support/catch.hpp"

using namespace seqrec;
using lanes::Softplus;

namespace {

double softplus(double x) { return std::log1p(std::exp(x)); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

TEST_CASE("softplus and its derivative at both ends", "[ops]") {
  for (const double x : {-3.0, -0.2, 0.0, 1.5, 20.0}) {
    CHECK(Softplus(x).value == Approx(softplus(x)).epsilon(1e-14));
    CHECK(Softplus(x).slope == Approx(sigmoid(x)).epsilon(1e-14));
  }
  CHECK(Softplus(1e4).value == 1e4);
  CHECK(Softplus(1e4).slope == 1);
  CHECK(Softplus(-1e4).value == 0);
  CHECK(Softplus(-1e4).slope == 0);
  CHECK(Softplus(-40.0).value == Approx(std::exp(-40)).epsilon(1e-12));  // not lost beside 1
}

TEST_CASE("softplus in parts: what the value has above its two lines, and what the slope lacks of 1", "[ops]") {
  for (const double x : {-30.0, -0.2, 0.0, 1.5, 30.0}) {
    CHECK(Softplus(x).value == Approx(std::fmax(x, 0.0) + Softplus(x).curve).epsilon(1e-14));
    CHECK(Softplus(x).curve == Softplus(-x).curve);
    CHECK(Softplus(x).complement == Softplus(-x).slope);  // also where 1 - slope would be 0
  }
}

TEMPLATE_TEST_CASE("lanes: a number is a lane type of one lane", "[ops]", float, double) {
  using Real = TestType;
  const Real nan = std::numeric_limits<Real>::quiet_NaN();
  CHECK(lanes::max(Real(1), Real(2)) == 2);
  CHECK(std::isnan(lanes::max(nan, Real(2))));
  CHECK(lanes::max(Real(2), nan) == 2);
  CHECK(lanes::where_less(Real(1), Real(2), Real(3), Real(4)) == 3);
  CHECK(lanes::where_less(Real(2), Real(2), Real(3), Real(4)) == 4);
  CHECK(lanes::where_less(nan, Real(2), Real(3), Real(4)) == 4);
  lanes::Sum<Real> sum;
  sum.add(Real(0x1p24f));
  for (int i = 0; i < 3; ++i) sum.add(Real(1));
  CHECK(sum[0] == 0x1p24 + 3);  // in double
  CHECK(sum.rounded() == static_cast<Real>(0x1p24 + 3));
}
