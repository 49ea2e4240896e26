// SPDX-License-Identifier: Apache-2.0
#include "seqrec/optim/adam.hpp"

#include <cmath>
#include <limits>
#include <string>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("Adam follows its definition, with bias correction", "[optim]") {
  const Adam adam{.beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-3, .weight_decay = 0.1};
  constexpr double rate = 0.02;
  double value = 1.5, mean = 0, square = 0, expected = 1.5, first = 0, second = 0;
  int step = 0;
  for (const double gradient : {0.3, -2.0, 0.0, 5.0}) {
    ++step;
    value = adam.rule(rate, static_cast<std::uint64_t>(step)).operator()<double>(value, gradient, mean, square);
    expected -= rate * 0.1 * expected;
    first = 0.9 * first + 0.1 * gradient;
    second = 0.99 * second + 0.01 * gradient * gradient;
    const double corrected = first / (1 - std::pow(0.9, step)), corrected_square = second / (1 - std::pow(0.99, step));
    expected -= rate * corrected / (std::sqrt(corrected_square) + 1e-3);
    CHECK(value == Approx(expected).epsilon(1e-13));
    CHECK(mean == Approx(first).epsilon(1e-14));
    CHECK(square == Approx(second).epsilon(1e-14));
  }
}

TEST_CASE("Adam's first step is as long as the learning rate, whatever the gradient", "[optim]") {
  for (const double gradient : {1e-3, -1.0, 400.0}) {
    double mean = 0, square = 0;
    const double value = Adam{}.rule(0.01, 1).operator()<double>(2.0, gradient, mean, square);
    CHECK(value == Approx(2.0 - std::copysign(0.01, gradient)).epsilon(1e-6));
  }
}

TEST_CASE("AdamW is Adam with decoupled weight decay", "[optim]") {
  CHECK(AdamW().weight_decay == 0.01);
  CHECK(AdamW(0.3).weight_decay == 0.3);
  double mean = 0, square = 0;
  CHECK(AdamW(0.5).rule(0.1, 1).operator()<double>(4.0, 0.0, mean, square) == Approx(4.0 * (1 - 0.1 * 0.5)));
}

TEST_CASE("Adam's options out of range are named", "[optim]") {
  const auto message = [](const Adam& adam) { return seqrec_test::message_of<ArgumentError>([&] { adam.check(); }); };
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_NOTHROW(Adam{}.check());
  for (const double beta : {-0.1, 1.0, nan}) {
    CHECK_THAT(message({.beta1 = beta}), ContainsSubstring("Adam beta1 is") && ContainsSubstring("[0, 1)"));
    CHECK_THAT(message({.beta2 = beta}), ContainsSubstring("Adam beta2 is"));
  }
  for (const double epsilon : {0.0, -1.0, nan})
    CHECK_THAT(message({.epsilon = epsilon}), ContainsSubstring("Adam epsilon is"));
  for (const double decay : {-0.1, nan})
    CHECK_THAT(message({.weight_decay = decay}), ContainsSubstring("Adam weight_decay is"));
}

TEST_CASE("every option of Adam is shown under its name", "[optim]") {
  std::string shown;
  for (const OptionValue& option : option_values(Adam{.weight_decay = 0.25}))
    shown += option.name + "=" + option.text + " ";
  CHECK(shown == "beta1=0.9 beta2=0.999 epsilon=1e-08 weight_decay=0.25 ");
}
