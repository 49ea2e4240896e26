// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/step_gradients.hpp"

#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("a step's gradients are found by elements: dense, by rows, or zero") {
  std::vector<float> dense = {1, 2, 3, 4}, sums = {5, 6};
  const std::vector<item_t> rows = {7};
  StepGradients<float, HostSpace> step;
  step.blocks().push_back({{0, 4}, {{dense.data(), 4}, {}, {}}});
  step.blocks().push_back({{16, 32}, {{}, {rows.data(), 1}, {sums.data(), 1, 2}}});
  const auto part = gradient_of(step, {1, 2});
  CHECK(part.dense.size() == 2);
  CHECK(part.numbers()(1) == 3);
  const auto table = gradient_of(step, {16, 30});
  CHECK_FALSE(table.dense);
  CHECK(table.rows(0) == 7);
  CHECK(table.numbers().size() == 2);
  CHECK(table.numbers()(1) == 6);
  CHECK_FALSE(gradient_of(step, {60, 1}).dense);
  CHECK(gradient_of(step, {60, 1}).numbers().size() == 0);
  CHECK(step.find({20, 1}) == &step.blocks()[1]);
  CHECK(step.find({3, 2}) == nullptr);
}

TEST_CASE("among all gradients of a model each lies where its value does") {
  std::vector<float> all = {1, 2, 3, 4};
  CHECK(gradient_of(VectorView<float, HostSpace>(all.data(), 4), {2, 2}).numbers()(0) == 3);
}
