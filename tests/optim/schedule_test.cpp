// SPDX-License-Identifier: Apache-2.0
#include "seqrec/optim/schedule.hpp"

#include <cmath>
#include <limits>
#include <string>

#include "support/catch.hpp"
#include "support/golden.hpp"

using namespace seqrec;

TEST_CASE("warm-up and cosine agree with PyTorch's schedulers", "[optim]") {
  seqrec_test::Golden golden(GENERATE(as<std::string>{}, "schedule_cosine", "schedule_warmup_cosine"));
  const auto factors = golden.matrix("factors");
  const auto schedule = Schedule::warm_up_cosine(static_cast<index_t>(golden.number("warmup_steps")),
                                                 static_cast<index_t>(golden.number("total_steps")));
  schedule.check();
  for (index_t step = 0; step < factors.size(); ++step)
    CHECK(std::abs(schedule.factor(step) - factors(step)) < seqrec_test::golden_tolerance);
}

TEST_CASE("a constant schedule is 1", "[optim]") {
  for (const index_t step : {0, 1, 1000000}) {
    CHECK(Schedule{}.factor(step) == 1);
    CHECK(Schedule::constant().factor(step) == 1);
  }
}

TEST_CASE("a warm-up rises in equal steps to 1, and stays there without a total", "[optim]") {
  const Schedule schedule{.warm_up = 4};
  CHECK(schedule.factor(0) == 0.25);
  CHECK(schedule.factor(2) == 0.75);
  CHECK(schedule.factor(3) == 1);
  CHECK(schedule.factor(4) == 1);
  CHECK(schedule.factor(400) == 1);
}

TEST_CASE("a cosine falls from 1 to its floor and stays there", "[optim]") {
  const auto schedule = Schedule::warm_up_cosine(2, 12, 0.1);
  CHECK(schedule.factor(2) == 1);
  CHECK(schedule.factor(7) == Approx(0.55));
  CHECK(schedule.factor(12) == Approx(0.1));
  CHECK(schedule.factor(500) == 0.1);
  for (index_t step = 2; step < 12; ++step) CHECK(schedule.factor(step + 1) < schedule.factor(step));
}

TEST_CASE("a schedule over the whole run takes the run's steps as its total", "[optim]") {
  const Schedule schedule{.warm_up = 2, .total = Schedule::whole_run};
  CHECK_NOTHROW(schedule.check());
  CHECK(schedule.of_run(12).total == 12);
  CHECK(schedule.of_run(12).factor(7) == Approx(0.5));
  CHECK(Schedule{}.of_run(12).total == 0);
  CHECK(Schedule::warm_up_cosine(2, 5).of_run(12).total == 5);
  CHECK_THROWS_AS(schedule.of_run(2), ArgumentError);  // no step is left after the warm-up
}

TEST_CASE("a schedule's options out of range are named", "[optim]") {
  const auto message = [](const Schedule& schedule) {
    return seqrec_test::message_of<ArgumentError>([&] { schedule.check(); });
  };
  CHECK_THAT(message({.warm_up = -1}), ContainsSubstring("schedule warm_up is -1"));
  CHECK_THAT(message({.warm_up = 5, .total = 5}), ContainsSubstring("schedule total is 5, expected 0, or more steps"));
  CHECK_THAT(message({.total = -2}), ContainsSubstring("schedule total is -2"));
  for (const double floor : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()})
    CHECK_THAT(message({.floor = floor}), ContainsSubstring("schedule floor is"));
}
