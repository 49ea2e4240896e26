// SPDX-License-Identifier: Apache-2.0
#include "seqrec/autograd/initialiser.hpp"

#include <algorithm>
#include <cmath>

#include "support/catch.hpp"

using namespace seqrec;

namespace {

struct Moments {
  double mean = 0, deviation = 0, lowest = 1e9, highest = -1e9;
};

Moments moments_of(const Initialiser& initialiser, index_t rows, index_t columns) {
  constexpr int draws = 40000;
  RandomStream random(3, Purpose::initial_weights, 1);
  Moments m;
  double squares = 0;
  for (int i = 0; i < draws; ++i) {
    const double value = initialiser.draw(random, rows, columns, i % columns);
    m.mean += value / draws;
    squares += value * value / draws;
    m.lowest = std::min(m.lowest, value);
    m.highest = std::max(m.highest, value);
  }
  m.deviation = std::sqrt(squares - m.mean * m.mean);
  return m;
}

}  // namespace

TEST_CASE("a constant initialiser draws nothing", "[autograd]") {
  RandomStream random(1, Purpose::initial_weights, 0), untouched(1, Purpose::initial_weights, 0);
  CHECK(Initialiser::constant(0.75).draw(random, 4, 5, 3) == 0.75);
  CHECK(random.bits() == untouched.bits());
}

TEST_CASE("a ramp climbs from zero and draws nothing", "[autograd]") {
  RandomStream random(1, Purpose::initial_weights, 0), untouched(1, Purpose::initial_weights, 0);
  for (const index_t place : {0, 1, 6})
    CHECK(Initialiser::ramp(-0.25).draw(random, 2, 7, place) == -0.25 * static_cast<double>(place));
  CHECK(random.bits() == untouched.bits());
}

TEST_CASE("initialisers have the distribution that they are named after", "[autograd]") {
  // 40000 draws: means to .5 % of a deviation, deviations to .35 %, both at one sigma
  SECTION("normal") {
    const Moments m = moments_of(Initialiser::normal(0.02), 100, 30);
    CHECK(std::abs(m.mean) < 0.0005);
    CHECK(m.deviation == Approx(0.02).epsilon(0.02));
    CHECK(m.highest > 3 * 0.02);
  }
  SECTION("uniform") {
    const Moments m = moments_of(Initialiser::uniform(0.3), 100, 30);
    CHECK(m.deviation == Approx(0.3 / std::sqrt(3.0)).epsilon(0.02));
    CHECK(m.lowest >= -0.3);
    CHECK(m.lowest < -0.299);
    CHECK(m.highest < 0.3);
    CHECK(m.highest > 0.299);
  }
  SECTION("Xavier, normal: fans are rows and columns") {
    CHECK(moments_of(Initialiser::xavier_normal(), 96, 4).deviation == Approx(std::sqrt(2.0 / 100)).epsilon(0.02));
    CHECK(moments_of(Initialiser::xavier_normal(3), 4, 96).deviation == Approx(3 * std::sqrt(2.0 / 100)).epsilon(0.02));
  }
  SECTION("Xavier, uniform") {
    const double limit = std::sqrt(6.0 / 100);
    const Moments m = moments_of(Initialiser::xavier_uniform(), 96, 4);
    CHECK(m.deviation == Approx(limit / std::sqrt(3.0)).epsilon(0.02));
    CHECK(m.highest <= limit);
    CHECK(moments_of(Initialiser::xavier_uniform(0.5), 96, 4).highest <= 0.5 * limit);
  }
}

TEST_CASE("stacked parameters begin as one of them would", "[autograd]") {
  const auto deviation_of = [](const Initialiser& one) { return one.of_shape(96, 4).scale; };
  CHECK(Initialiser::xavier_normal(3).of_shape(96, 4).kind == Initialiser::Kind::normal);
  CHECK(deviation_of(Initialiser::xavier_normal(3)) == Approx(3 * std::sqrt(2.0 / 100)));
  CHECK(Initialiser::xavier_uniform(3).of_shape(96, 4).kind == Initialiser::Kind::uniform);
  CHECK(deviation_of(Initialiser::xavier_uniform(3)) == Approx(3 * std::sqrt(6.0 / 100)));
  CHECK(Initialiser::normal(0.3).of_shape(96, 4).kind == Initialiser::Kind::normal);
  CHECK(deviation_of(Initialiser::constant(0.3)) == 0.3);
}
