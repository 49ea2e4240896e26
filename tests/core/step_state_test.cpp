// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/step_state.hpp"

#include "support/catch.hpp"
#include "support/counting_space.hpp"

using namespace seqrec;

TEST_CASE("a step's state lies in the memory of its space and is read when the host asks", "[core]") {
  seqrec_test::CountingSpace::allocations = 0;
  StepState<seqrec_test::CountingSpace> state;
  CHECK(seqrec_test::CountingSpace::allocations == 3);
  state.begin({.step = 4, .update = 5, .learning_rate = 0.25, .clip_norm = 2});
  CHECK(state.inputs()(0).update == 5);
  CHECK(state.inputs()(0).learning_rate == 0.25);
  CHECK(state.read().is_good());
  state.outcome()(0).conclude(state.inputs()(0), 1.5, 9);
  const StepOutcome outcome = state.read();
  CHECK(outcome.loss == 1.5);
  CHECK(outcome.gradient_norm == 3);
  CHECK(outcome.gradient_scale == Approx(2.0 / 3));
}

TEST_CASE("telling a step its numbers forgets no bad step", "[core]") {
  StepState<HostSpace> state;
  state.outcome()(0).first_bad_step = 3;
  state.begin({.step = 4});
  CHECK(state.read().first_bad_step == 3);
  state.reset();
  CHECK(state.read().is_good());
}
