// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/context.hpp"

#include <type_traits>

#include "seqrec/cpu/team.hpp"
#include "support/catch.hpp"

using namespace seqrec;

static_assert(std::is_same_v<cpu::Context, cpu::BasicContext<float>>);
static_assert(std::is_same_v<cpu::Context::Space, HostSpace>);
static_assert(std::is_same_v<cpu::Context::Scalar, float> && std::is_same_v<cpu::Context::Master, float>);
static_assert(std::is_same_v<cpu::BasicContext<double>::Master, double>);
// Objects compiled for different vector widths must not share a symbol.
static_assert(!std::is_same_v<cpu::BasicContext<float, 4>, cpu::BasicContext<float, 8>>);
static_assert(!std::is_same_v<cpu::BasicContext<float, 4>::Team, cpu::BasicContext<float, 8>::Team>);

TEST_CASE("a context of the CPU knows its team", "[cpu]") {
  cpu::Context::Team team(0, {.threads = 1, .slots = 2});
  cpu::Context& context = team.context();
  CHECK(context.matrix(2, 3).size() == 6);
}
