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

/// Two parameters, nothing else.
struct Pair {
  VectorParameter<Context> first{3, Initialiser::constant(0)};
  MatrixParameter<Context> second{2, 2, Initialiser::constant(0)};

  Pair() {
    for (index_t i = 0; i < 3; ++i) first.value.view()(i) = 0.3 * static_cast<double>(i + 1);
    for (index_t i = 0; i < 4; ++i) second.value.view().data[i] = -0.2 * static_cast<double>(i + 1);
  }
  template <class Visitor>
  void for_each_parameter(Visitor&& visit) {
    visit("first", first);
    visit("second", second);
  }
};

/// exp(first) summed, plus second's third powers.
double smooth_loss(const Pair& pair) {
  double loss = 0;
  for (index_t i = 0; i < 3; ++i) loss += std::exp(pair.first.value.view()(i));
  for (index_t i = 0; i < 4; ++i) loss += std::pow(pair.second.value.view().data[i], 3);
  return loss;
}
std::vector<double> smooth_gradient(const Pair& pair) {
  std::vector<double> gradient;
  for (index_t i = 0; i < 3; ++i) gradient.push_back(std::exp(pair.first.value.view()(i)));
  for (index_t i = 0; i < 4; ++i) gradient.push_back(3 * std::pow(pair.second.value.view().data[i], 2));
  return gradient;
}

template <class Loss>
GradientCheck check(Pair& pair, const std::vector<double>& gradient, Loss&& loss,
                    const GradientCheckOptions& options = {}) {
  const ParameterSet<Context> parameters(pair);
  return check_gradients(parameters, VectorView<const double, HostSpace>(gradient.data(), std::ssize(gradient)), loss,
                         options);
}

}  // namespace

TEST_CASE("right gradients pass, and the parameters are as before", "[autograd]") {
  Pair pair;
  const std::vector<double> first = pair.first.value.to_host(), second = pair.second.value.to_host();
  const GradientCheck result = check(pair, smooth_gradient(pair), [&] { return smooth_loss(pair); });
  CHECK(result.worst < 1e-9);
  CHECK(result.elements == 7);
  CHECK(result.kinks == 0);
  CHECK(pair.first.value.to_host() == first);
  CHECK(pair.second.value.to_host() == second);
}

TEST_CASE("a wrong gradient is found, with its place and by how much", "[autograd]") {
  Pair pair;
  std::vector<double> gradient = smooth_gradient(pair);
  gradient[5] *= 1.01;
  const GradientCheck result = check(pair, gradient, [&] { return smooth_loss(pair); });
  CHECK(result.worst == Approx(0.01 / 1.01).epsilon(1e-6));
  CHECK(result.parameter == "second");
  CHECK(result.element == 2);
  CHECK(result.recorded == gradient[5]);
  CHECK(result.measured == Approx(gradient[5] / 1.01).epsilon(1e-9));
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
  const auto loss = [&] { return smooth_loss(pair) - 3 * std::pow(0.2, 2) * pair.second.value.view().data[0]; };
  gradient[3] = 1e-12;  // the derivative is 0: a relative deviation of 1 would be about rounding only
  CHECK(check(pair, gradient, loss).worst < 1e-6);
  gradient[3] = 1e-5;
  CHECK(check(pair, gradient, loss).worst > 1e-3);
}

TEST_CASE("a kink anywhere within the step is excused, up to a share of the elements", "[autograd]") {
  const double distance = GENERATE(-1.1e-5, -0.9e-5, -0.5e-5, -0.286e-5, 0.0, 1e-9, 0.1e-5, 0.25e-5, 0.333e-5, 0.45e-5,
                                   0.51e-5, 0.7e-5, 0.99e-5, 1.5e-5);
  Pair pair;
  const double place = pair.first.value.view()(1) + distance;
  const auto loss = [&] { return smooth_loss(pair) + std::max(0.0, pair.first.value.view()(1) - place); };
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
    gradient[4] *= factor;
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
