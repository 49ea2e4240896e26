// SPDX-License-Identifier: Apache-2.0
#include "seqrec/metrics/significance.hpp"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

/// Two models on the same users: b is a minus a difference with this mean and deviation 1.
struct Pair {
  std::vector<double> a, b;
};

Pair models(std::size_t users, double mean, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  Pair pair;
  for (std::size_t i = 0; i < users; ++i) {
    pair.a.push_back(3 * normal(random));  // users differ by more than the models do
    pair.b.push_back(pair.a.back() - mean - normal(random));
  }
  return pair;
}

}  // namespace

TEST_CASE("the bootstrap of two users, by enumeration", "[metrics]") {
  // Differences 0 and 2: resamples have means 0, 1, 1, 2; two of four are as far from 1 as 1 is from 0.
  const std::vector<double> a{1, 5}, b{1, 3};
  const BootstrapResult result = paired_bootstrap(a, b);
  CHECK(result.mean_difference == 1.0);
  CHECK(result.p_value == Approx(0.5).margin(0.02));
  CHECK(result.lower == 0.0);
  CHECK(result.upper == 2.0);
  CHECK(paired_bootstrap(a, b, {.confidence = 0.4}).lower == 1.0);  // the middle of the four
  CHECK(paired_bootstrap(a, b, {.confidence = 0.4}).upper == 1.0);
}

TEST_CASE("the bootstrap agrees with the normal approximation where users are many", "[metrics]") {
  const Pair pair = models(400, 0.08, 4);
  double mean = 0, squares = 0;
  for (std::size_t i = 0; i < 400; ++i) mean += (pair.a[i] - pair.b[i]) / 400;
  for (std::size_t i = 0; i < 400; ++i) squares += std::pow(pair.a[i] - pair.b[i] - mean, 2);
  const double error = std::sqrt(squares) / 400;
  const BootstrapResult result = paired_bootstrap(pair.a, pair.b);
  CHECK(result.mean_difference == Approx(mean).epsilon(1e-12));
  CHECK(result.lower == Approx(mean - 1.96 * error).margin(0.1 * error));
  CHECK(result.upper == Approx(mean + 1.96 * error).margin(0.1 * error));
  CHECK(result.p_value == Approx(std::erfc(std::abs(mean) / error / std::sqrt(2.0))).margin(0.015));
}

TEST_CASE("the bootstrap says the same on any number of threads", "[metrics]") {
  const Pair pair = models(101, 0.1, 6);
  const BootstrapResult alone = paired_bootstrap(pair.a, pair.b, {.threads = 1});
  for (const int threads : {2, 3, 7, 0}) {
    const BootstrapResult shared = paired_bootstrap(pair.a, pair.b, {.threads = threads});
    CHECK(shared.p_value == alone.p_value);
    CHECK(shared.lower == alone.lower);
    CHECK(shared.upper == alone.upper);
  }
}

TEST_CASE("pairing finds a difference that is small beside the users' own", "[metrics]") {
  const Pair pair = models(1000, 0.2, 5);
  const BootstrapResult result = paired_bootstrap(pair.a, pair.b), turned = paired_bootstrap(pair.b, pair.a);
  CHECK(result.p_value < 0.001);
  CHECK(result.p_value > 0);
  CHECK(result.lower > 0);
  CHECK(turned.mean_difference == -result.mean_difference);
  CHECK(turned.p_value == result.p_value);
  CHECK(turned.lower == -result.upper);
}

TEST_CASE("where there is no difference, p is below .05 one time in twenty", "[metrics]") {
  int below = 0;
  for (std::uint32_t seed = 0; seed < 400; ++seed) {
    const Pair pair = models(60, 0, 100 + seed);
    below += paired_bootstrap(pair.a, pair.b, {.resamples = 400}).p_value < 0.05;
  }
  CHECK(below > 8);
  CHECK(below < 36);
}

TEST_CASE("pairs that share resamples find what each finds alone", "[metrics]") {
  const Pair first = models(50, 0.3, 1), second = models(50, 0, 2);
  const std::vector<PairedMetric> pairs{{first.a, first.b}, {second.a, second.b}, {first.b, second.a}};
  const std::vector<BootstrapResult> together = paired_bootstraps(pairs, {.resamples = 500});
  REQUIRE(together.size() == 3);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    CAPTURE(i);
    const BootstrapResult alone = paired_bootstrap(pairs[i].a, pairs[i].b, {.resamples = 500});
    CHECK(together[i].mean_difference == alone.mean_difference);
    CHECK(together[i].p_value == alone.p_value);
    CHECK(together[i].lower == alone.lower);
    CHECK(together[i].upper == alone.upper);
  }
  CHECK(paired_bootstraps({}).empty());
}

TEST_CASE("the bootstrap depends on its seed only, and a model equals itself", "[metrics]") {
  const Pair pair = models(50, 0.1, 6);
  const BootstrapResult first = paired_bootstrap(pair.a, pair.b, {.resamples = 500}),
                        again = paired_bootstrap(pair.a, pair.b, {.resamples = 500}),
                        other = paired_bootstrap(pair.a, pair.b, {.resamples = 500, .seed = 2});
  CHECK(again.p_value == first.p_value);
  CHECK(again.lower == first.lower);
  CHECK(other.lower != first.lower);
  const BootstrapResult self = paired_bootstrap(pair.a, pair.a);
  CHECK(self.mean_difference == 0);
  CHECK(self.p_value == 1);
  CHECK(self.lower == 0);
  CHECK(self.upper == 0);
}

TEST_CASE("the bootstrap refuses what cannot be", "[metrics][errors]") {
  const std::vector<double> two{1, 2}, three{1, 2, 3}, one{1}, hole{1, std::numeric_limits<double>::quiet_NaN()};
  CHECK(message_of<ShapeError>([&] { paired_bootstrap(two, three); }) ==
        "paired_bootstrap: number of users of b is 3, expected 2");
  CHECK_THAT(message_of<DataError>([&] { paired_bootstrap(one, one); }), ContainsSubstring("1 users were given"));
  CHECK_THAT(message_of<NonFiniteError>([&] { paired_bootstrap(two, hole); }),
             ContainsSubstring("user 1 has 2 and nan"));
  const std::vector<PairedMetric> pairs{{two, two}, {three, three}};
  CHECK(message_of<ShapeError>([&] { paired_bootstraps(pairs); }) ==
        "paired_bootstrap: number of users of a is 3, expected 2");
  CHECK_THROWS_AS(paired_bootstrap(two, two, {.resamples = 0}), ArgumentError);
  CHECK_THROWS_AS(paired_bootstrap(two, two, {.confidence = 1}), ArgumentError);
  CHECK_THROWS_AS(paired_bootstrap(two, two, {.confidence = 0}), ArgumentError);
}
