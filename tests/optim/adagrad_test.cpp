// SPDX-License-Identifier: Apache-2.0
#include "seqrec/optim/adagrad.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <type_traits>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("Adagrad follows its definition", "[optim]") {
  const Adagrad adagrad{.learning_rate_decay = 0.5, .initial_accumulator = 0.25, .epsilon = 1e-3, .weight_decay = 0.1};
  double value = 2, squares = adagrad.initial_state(0), expected = 2, sum = 0.25;
  int step = 0;
  for (const double gradient : {3.0, 0.0, -1.0}) {
    ++step;
    value = adagrad.rule(0.2, static_cast<std::uint64_t>(step)).operator()<double>(value, gradient, squares);
    const double slope = gradient + 0.1 * expected;
    sum += slope * slope;
    expected -= 0.2 / (1 + 0.5 * (step - 1)) * slope / (std::sqrt(sum) + 1e-3);
    CHECK(value == Approx(expected).epsilon(1e-14));
    CHECK(squares == Approx(sum).epsilon(1e-14));
  }
}

TEST_CASE("Adagrad's momentum gathers its steps", "[optim]") {
  const Adagrad plain{.learning_rate_decay = 0.5, .initial_accumulator = 0.25, .epsilon = 1e-3};
  Adagrad adagrad = plain;
  adagrad.momentum = 0.9;
  CHECK(adagrad.initial_state(0) == 0.25);
  CHECK(adagrad.initial_state(1) == 0);
  double value = 2, squares = 0.25, velocity = 0, other = 2, sum = 0.25, expected = 0, moved = 2;
  int step = 0;
  for (const double gradient : {3.0, 0.0, -1.0}) {
    const auto number = static_cast<std::uint64_t>(++step);
    adagrad.with_update([&](const auto& update) {
      if constexpr (std::remove_cvref_t<decltype(update)>::states == 2)
        value = update.rule(0.2, number).template operator()<double>(value, gradient, squares, velocity);
    });
    const double before = other;
    other = plain.rule(0.2, number).operator()<double>(other, gradient, sum);
    expected = 0.9 * expected + before - other;
    moved -= expected;
    CHECK(value == Approx(moved).epsilon(1e-14));
    CHECK(velocity == Approx(expected).epsilon(1e-14));
    CHECK(squares == sum);
  }
  CHECK(velocity != 0);
}

TEST_CASE("Adagrad's options out of range are named", "[optim]") {
  const auto message = [](const Adagrad& adagrad) {
    return seqrec_test::message_of<ArgumentError>([&] { adagrad.check(); });
  };
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_NOTHROW(Adagrad{}.check());
  for (const double bad : {-0.1, nan}) {
    CHECK_THAT(message({.learning_rate_decay = bad}), ContainsSubstring("Adagrad learning_rate_decay is"));
    CHECK_THAT(message({.initial_accumulator = bad}), ContainsSubstring("Adagrad initial_accumulator is"));
    CHECK_THAT(message({.weight_decay = bad}), ContainsSubstring("Adagrad weight_decay is"));
  }
  CHECK_THAT(message({.momentum = 1}), ContainsSubstring("Adagrad momentum is 1, expected a value in [0, 1)"));
  for (const double epsilon : {0.0, -1.0, nan})
    CHECK_THAT(message({.epsilon = epsilon}), ContainsSubstring("Adagrad epsilon is"));
}

TEST_CASE("every option of Adagrad is shown under its name", "[optim]") {
  std::string shown;
  for (const OptionValue& option : option_values(Adagrad{.initial_accumulator = 0.25}))
    shown += option.name + "=" + option.text + " ";
  CHECK(shown == "learning_rate_decay=0 initial_accumulator=0.25 epsilon=1e-10 weight_decay=0 momentum=0 ");
}
