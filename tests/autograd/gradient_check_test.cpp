// SPDX-License-Identifier: Apache-2.0
#include "seqrec/autograd/gradient_check.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "seqrec/cpu/context.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

using Context = cpu::BasicContext<double>;

/// Two parameters, nothing else: elements 0 .. 2, and, on the next cache line, 8 .. 11.
struct Pair {
  ParameterStore<Context> parameters;
  VectorParameter<Context> first = parameters.scope().vector("first", 3, Initialiser::constant(0));
  MatrixParameter<Context> second = parameters.scope().matrix("second", 2, 2, Initialiser::constant(0));

  Pair() {
    parameters.initialise(InitialValues::zero, 1);
    for (index_t i = 0; i < 3; ++i) first.view()(i) = 0.3 * static_cast<double>(i + 1);
    for (index_t i = 0; i < 4; ++i) second.view().data[i] = -0.2 * static_cast<double>(i + 1);
  }
};

constexpr std::size_t second_begin = 8;

/// exp(first) summed, plus second's third powers.
double smooth_loss(const Pair& pair) {
  double loss = 0;
  for (index_t i = 0; i < 3; ++i) loss += std::exp(pair.first.view()(i));
  for (index_t i = 0; i < 4; ++i) loss += std::pow(pair.second.view().data[i], 3);
  return loss;
}
std::vector<double> smooth_gradient(const Pair& pair) {
  std::vector<double> gradient(static_cast<std::size_t>(pair.parameters.size()), 0.0);
  for (std::size_t i = 0; i < 3; ++i) gradient[i] = std::exp(pair.first.view().data[i]);
  for (std::size_t i = 0; i < 4; ++i) gradient[second_begin + i] = 3 * std::pow(pair.second.view().data[i], 2);
  return gradient;
}

template <class Loss>
GradientCheck check(Pair& pair, const std::vector<double>& gradient, Loss&& loss,
                    const GradientCheckOptions& options = {}) {
  return check_gradients(pair.parameters, VectorView<const double, HostSpace>(gradient.data(), std::ssize(gradient)),
                         loss, options);
}

}  // namespace

TEST_CASE("right gradients pass, and the parameters are as before", "[autograd]") {
  Pair pair;
  const auto values = [&] {
    return std::vector<double>(pair.parameters.values().data, pair.parameters.values().data + pair.parameters.size());
  };
  const std::vector<double> before = values();
  REQUIRE(pair.second.offset() == second_begin);
  const GradientCheck result = check(pair, smooth_gradient(pair), [&] { return smooth_loss(pair); });
  CHECK(result.worst < 1e-9);
  CHECK(result.elements == 7);
  CHECK(result.kinks == 0);
  CHECK(values() == before);
}

TEST_CASE("a wrong gradient is found, with its place and by how much", "[autograd]") {
  Pair pair;
  std::vector<double> gradient = smooth_gradient(pair);
  gradient[second_begin + 2] *= 1.01;
  const GradientCheck result = check(pair, gradient, [&] { return smooth_loss(pair); });
  CHECK(result.worst == Approx(0.01 / 1.01).epsilon(1e-6));
  CHECK(result.parameter == "second");
  CHECK(result.element == 2);
  CHECK(result.recorded == gradient[second_begin + 2]);
  CHECK(result.measured == Approx(gradient[second_begin + 2] / 1.01).epsilon(1e-9));
  CHECK(result.kinks == 0);
  CHECK_THAT(result.text(), ContainsSubstring("second[2]") && ContainsSubstring("7 elements, 0 kinks"));

  gradient = smooth_gradient(pair);
  gradient[1] = 0;
  CHECK(check(pair, gradient, [&] { return smooth_loss(pair); }).worst == Approx(1));
  gradient[1] = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isnan(check(pair, gradient, [&] { return smooth_loss(pair); }).worst));
}

TEST_CASE("a gradient that is too small for its parameter counts against the largest", "[autograd]") {
  Pair pair;
  std::vector<double> gradient = smooth_gradient(pair);
  const auto loss = [&] { return smooth_loss(pair) - 3 * std::pow(0.2, 2) * pair.second.view().data[0]; };
  gradient[second_begin] = 1e-12;  // the derivative is 0: a relative deviation of 1 would be about rounding only
  CHECK(check(pair, gradient, loss).worst < 1e-6);
  gradient[second_begin] = 1e-5;
  CHECK(check(pair, gradient, loss).worst > 1e-3);
}

TEST_CASE("a kink anywhere within the step is excused, up to a share of the elements", "[autograd]") {
  const double distance = GENERATE(-1.1e-5, -0.9e-5, -0.5e-5, -0.286e-5, 0.0, 1e-9, 0.1e-5, 0.25e-5, 0.333e-5, 0.45e-5,
                                   0.51e-5, 0.7e-5, 0.99e-5, 1.5e-5);
  Pair pair;
  const double place = pair.first.view()(1) + distance;
  const auto loss = [&] { return smooth_loss(pair) + std::max(0.0, pair.first.view()(1) - place); };
  std::vector<double> gradient = smooth_gradient(pair);
  gradient[1] += distance < 0 ? 1 : 0;
  CAPTURE(distance);

  const GradientCheck excused = check(pair, gradient, loss, {.most_kinks = 0.2});
  CHECK(excused.worst < 1e-6);
  CHECK(excused.kinks == (std::abs(distance) < 1e-5));

  const GradientCheck strict = check(pair, gradient, loss, {.most_kinks = 0});
  CHECK((strict.worst > 1e-4) == (std::abs(distance) < 1e-5));
  if (strict.worst > 1e-4) CHECK(strict.parameter == "first");
}

TEST_CASE("a wrong gradient does not pass for a kink", "[autograd]") {
  Pair pair;
  for (const double factor : {1.0001, 1.1, 0.5, -1.0}) {
    std::vector<double> gradient = smooth_gradient(pair);
    gradient[second_begin + 1] *= factor;
    const GradientCheck result = check(pair, gradient, [&] { return smooth_loss(pair); }, {.most_kinks = 1});
    CHECK(result.kinks == 0);
    CHECK(result.worst > 5e-5);
  }
}

TEST_CASE("what does not fit a gradient check is refused", "[autograd]") {
  Pair pair;
  const auto loss = [&] { return smooth_loss(pair); };
  CHECK_THROWS_AS(check(pair, {1, 2}, loss), ShapeError);
  CHECK_THROWS_AS(check(pair, smooth_gradient(pair), loss, {.step = 0}), ArgumentError);
  CHECK_THROWS_AS(check(pair, smooth_gradient(pair), loss, {.floor = 0}), ArgumentError);
}
