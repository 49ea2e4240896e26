// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/gradient.hpp"

#include <type_traits>
#include <vector>

#include "seqrec/core/context_base.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

using Context = ContextBase<float, float, HostSpace>;

}  // namespace

static_assert(std::is_trivially_copyable_v<Gradient<Context>>);  // captured by tape nodes, passed to kernels
static_assert(!std::is_convertible_v<Gradient<Context>, bool>);  // only where a condition is asked for

TEST_CASE("a gradient without a view is one that nobody wants", "[ops]") {
  float value = 0;
  CHECK_FALSE(Gradient<Context>{});
  CHECK_FALSE(Gradient<Context>{{nullptr, 2, 3}, GradientMode::add});
  CHECK(Gradient<Context>{{&value, 1, 1}});
}

TEST_CASE("a gradient is written unless it is said to be added", "[ops]") {
  CHECK_FALSE(Gradient<Context>{}.adds());
  CHECK_FALSE(Gradient<Context>{{}, GradientMode::write}.adds());
  CHECK(Gradient<Context>{{}, GradientMode::add}.adds());
}

TEST_CASE("a block of a gradient's columns follows the same rule", "[ops]") {
  std::vector<float> values(12);
  for (const GradientMode mode : {GradientMode::write, GradientMode::add}) {
    const Gradient<Context> whole{{values.data(), 2, 6}, mode};
    const Gradient<Context> block = whole.columns(2, 3);
    CHECK(block.mode == mode);
    CHECK(block.view.rows() == 2);
    CHECK(block.view.columns() == 3);
    CHECK(&block.view(1, 0) == &values[8]);
    CHECK_FALSE(Gradient<Context>{{nullptr, 2, 6}, mode}.columns(2, 3));
  }
}
