// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/moe_balance.hpp"

#include <vector>

#include "seqrec/cpu/moe_balance.hpp"
#include "support/backends.hpp"
#include "support/catch.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

struct Balanced {
  CpuDouble context;
  PlacedMasters<CpuDouble> bias{Matrix(1, 4), Layout::strided}, recent{Matrix(3, 4), Layout::dense},
      tracked{Matrix(1, 1), Layout::dense};

  void step(const std::vector<double>& loads, VectorView<const StepOutcome, HostSpace> outcome = {}) {
    Placed<double, HostSpace> counts(1, 4, loads, Layout::strided);
    ops::moe_balance(context, MoeBalance<CpuDouble>{counts.vector(), recent.matrix(), tracked.vector(), bias.vector(),
                                                    0.25, 2, 1, outcome});
  }
};

}  // namespace

TEST_CASE("moe_balance: the bias moves by the sign of the load's error, by more in the first steps", "[ops]") {
  Balanced b;
  b.step({4, 0, 2, 2});  // the mean is 2
  CHECK(b.bias.read().values == std::vector<double>{-2, 2, 0, 0});
  b.step({1, 1, 1, 5});
  CHECK(b.bias.read().values == std::vector<double>{-1.75, 2.25, 0.25, -0.25});
  CHECK(b.tracked.read()(0) == 2);
}

TEST_CASE("moe_balance: the loads of the last steps are remembered in turn", "[ops]") {
  Balanced b;
  for (const double load : {1.0, 2.0, 3.0, 6.0}) b.step({load, load, 0, 0});
  b.step({0, 0, 0, 5});
  CHECK(b.recent.read().values == std::vector<double>{6, 6, 0, 0, 0, 0, 0, 5, 3, 3, 0, 0});
}

TEST_CASE("moe_balance: nothing moves without rows, or after a bad step", "[ops]") {
  Balanced b;
  b.step({0, 0, 0, 0});
  const StepOutcome bad{.first_bad_step = 7}, good{};
  b.step({4, 0, 0, 0}, {&bad, 1});
  CHECK(b.bias.read().values == std::vector<double>(4));
  CHECK(b.tracked.read()(0) == 0);
  b.step({4, 0, 0, 0}, {&good, 1});
  CHECK(b.tracked.read()(0) == 1);
}

TEST_CASE("moe_balance: bad arguments are refused by name", "[ops][errors]") {
  Balanced b;
  const std::vector<double> three(3);
  const MoeBalance<CpuDouble> a{{three.data(), 3}, b.recent.matrix(), b.tracked.vector()};
  CHECK_THAT(message_of<ShapeError>([&] { ops::moe_balance(b.context, a); }),
             ContainsSubstring("moe_balance: columns of recent is 4, expected 3"));
}
