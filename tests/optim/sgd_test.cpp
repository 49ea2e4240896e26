// SPDX-License-Identifier: Apache-2.0
#include "seqrec/optim/sgd.hpp"

#include <limits>
#include <string>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("SGD follows its definition, without and with momentum", "[optim]") {
  const Sgd::Plain::Rule plain{0.1, 0.5};
  CHECK(plain.operator()<double>(2.0, 3.0) == Approx(2.0 - 0.1 * (3.0 + 0.5 * 2.0)));
  double value = 2, velocity = 0, expected = 2, speed = 0;
  const bool nesterov = GENERATE(false, true);
  const Sgd::WithMomentum::Rule rule{0.1, 0.5, 0.9, nesterov};
  for (const double gradient : {3.0, -1.0, 0.0}) {
    value = rule.operator()<double>(value, gradient, velocity);
    const double slope = gradient + 0.5 * expected;
    speed = 0.9 * speed + slope;
    expected -= 0.1 * (nesterov ? slope + 0.9 * speed : speed);
    CHECK(value == Approx(expected).epsilon(1e-14));
    CHECK(velocity == Approx(speed).epsilon(1e-14));
  }
}

TEST_CASE("SGD keeps a velocity only where it has momentum", "[optim]") {
  const auto states_of = [](const Sgd& sgd) {
    int states = -1;
    sgd.with_update([&](const auto& update) { states = update.states; });
    return states;
  };
  CHECK(states_of({}) == 0);
  CHECK(states_of({.momentum = 0.9}) == 1);
}

TEST_CASE("SGD's options out of range are named", "[optim]") {
  const auto message = [](const Sgd& sgd) { return seqrec_test::message_of<ArgumentError>([&] { sgd.check(); }); };
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_NOTHROW(Sgd{.momentum = 0.9, .nesterov = true}.check());
  for (const double momentum : {-0.1, 1.0, nan})
    CHECK_THAT(message({.momentum = momentum}), ContainsSubstring("SGD momentum is") && ContainsSubstring("[0, 1)"));
  CHECK(message({.nesterov = true}) == "SGD momentum is 0, expected a positive value with nesterov");
  for (const double decay : {-0.1, nan})
    CHECK_THAT(message({.weight_decay = decay}), ContainsSubstring("SGD weight_decay is"));
}

TEST_CASE("every option of SGD is shown under its name", "[optim]") {
  std::string shown;
  for (const OptionValue& option : option_values(Sgd{.momentum = 0.5})) shown += option.name + "=" + option.text + " ";
  CHECK(shown == "momentum=0.5 nesterov=false weight_decay=0 ");
}
