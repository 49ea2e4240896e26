// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/moe_balance.hpp"

#include <vector>

#include "seqrec/cpu/moe_balance.hpp"
#include "seqrec/cuda/moe_balance.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

template <class Context>
struct Balanced {
  using Space = typename Context::Space;
  Context context;
  PlacedMasters<Context> bias{Matrix(1, 4), Layout::strided}, recent{Matrix(3, 4), Layout::dense},
      tracked{Matrix(1, 1), Layout::dense};

  void step(const std::vector<double>& loads, VectorView<const StepOutcome, Space> outcome = {}) {
    PlacedMasters<Context> counts(1, 4, loads, Layout::strided);
    ops::moe_balance(context, MoeBalance<Context>{counts.vector(), recent.matrix(), tracked.vector(), bias.vector(),
                                                  0.25, 2, 1, outcome});
  }
};

}  // namespace

TEMPLATE_TEST_CASE("moe_balance: the bias moves by the sign of the load's error, by more in the first steps", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  Balanced<TestType> b;
  b.step({4, 0, 2, 2});  // the mean is 2
  CHECK(b.bias.read().values == std::vector<double>{-2, 2, 0, 0});
  b.step({1, 1, 1, 5});
  CHECK(b.bias.read().values == std::vector<double>{-1.75, 2.25, 0.25, -0.25});
  CHECK(b.tracked.read()(0) == 2);
}

TEMPLATE_TEST_CASE("moe_balance: the loads of the last steps are remembered in turn", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  Balanced<TestType> b;
  for (const double load : {1.0, 2.0, 3.0, 6.0}) b.step({load, load, 0, 0});
  b.step({0, 0, 0, 5});
  CHECK(b.recent.read().values == std::vector<double>{6, 6, 0, 0, 0, 0, 0, 5, 3, 3, 0, 0});
}

TEMPLATE_TEST_CASE("moe_balance: nothing moves without rows, or after a bad step", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  Balanced<TestType> b;
  b.step({0, 0, 0, 0});
  const auto bad = placed<typename TestType::Space>(std::vector{StepOutcome{.first_bad_step = 7}});
  const auto good = placed<typename TestType::Space>(std::vector{StepOutcome{}});
  b.step({4, 0, 0, 0}, bad.view());
  CHECK(b.bias.read().values == std::vector<double>(4));
  CHECK(b.tracked.read()(0) == 0);
  b.step({4, 0, 0, 0}, good.view());
  CHECK(b.tracked.read()(0) == 1);
}

TEST_CASE("moe_balance: bad arguments are refused by name", "[ops][errors]") {
  Balanced<CpuDouble> b;
  const std::vector<double> three(3);
  const MoeBalance<CpuDouble> a{{three.data(), 3}, b.recent.matrix(), b.tracked.vector()};
  CHECK_THAT(message_of<ShapeError>([&] { ops::moe_balance(b.context, a); }),
             ContainsSubstring("moe_balance: columns of recent is 4, expected 3"));
}
