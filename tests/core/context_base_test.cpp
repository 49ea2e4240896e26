// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/context_base.hpp"

#include <type_traits>
#include <vector>

#include "support/catch.hpp"
#include "support/counting_space.hpp"

using namespace seqrec;
using seqrec_test::CountingSpace;
using Context = ContextBase<float, double, HostSpace>;

static_assert(std::is_same_v<Context::Scalar, float> && std::is_same_v<Context::Master, double>);
static_assert(std::is_move_constructible_v<Context> && !std::is_copy_constructible_v<Context>);

TEST_CASE("a context hands out dense matrices and vectors", "[core]") {
  Context context;
  const MatrixView<float, HostSpace> matrix = context.matrix(3, 5);
  CHECK(matrix.rows() == 3);
  CHECK(matrix.stride == 5);
  CHECK(context.vector(7).size() == 7);
  CHECK(context.vector<offset_t>(4).size() == 4);
  CHECK(context.memory_held() > 0);
}

TEST_CASE("a context's shards reuse its memory", "[core]") {
  CountingSpace::allocations = 0;
  ContextBase<float, float, CountingSpace> context;
  const auto shard = [&] {
    context.begin_shard();
    context.matrix(200, 50);
    context.matrix(200, 200);
    context.vector(1000);
  };
  shard();
  shard();
  const int before = CountingSpace::allocations;
  for (int i = 0; i < 5; ++i) shard();
  CHECK(CountingSpace::allocations == before);
}

TEST_CASE("masks are of a step's seed, number and drawing call, not of the shard", "[core]") {
  Context context;
  const auto sites_of_shard = [&](index_t first_row) {
    context.begin_shard();
    std::vector<Dropout> drawn;
    for (int call = 0; call < 3; ++call) drawn.push_back(context.next_dropout(0.5, first_row));
    return drawn;
  };
  context.begin_step(9, 4);
  const auto first = sites_of_shard(0), second = sites_of_shard(70);
  for (std::size_t call = 0; call < 3; ++call) {
    CHECK(first[call].site == call);
    CHECK(second[call].site == call);
    CHECK(first[call].step == 4);
    CHECK(first[call].first_row == 0);
    CHECK(second[call].first_row == 70);
    CHECK(first[call].threshold == 32768);
    bool same = true;
    for (std::uint32_t row = 70; row < 90; ++row)
      for (std::uint32_t column = 0; column < 16; ++column)
        same &= first[call].keeps(row, column) == second[call].keeps(row, column);
    CHECK(same);
  }
  context.begin_step(10, 4);
  const PhiloxKey key = sites_of_shard(0)[0].key;
  CHECK((key.low != first[0].key.low || key.high != first[0].key.high));
}

TEST_CASE("gradients and loss are sums of one step", "[core]") {
  Context context;
  context.begin_step(1, 1);
  CHECK_FALSE(context.gradients());  // none wanted, none held

  context.reserve_gradients(3);
  context.gradients()(2) += 1.5;
  context.add_loss(0.25);
  context.begin_shard();
  context.add_loss(0.5);
  CHECK(context.loss() == 0.75);
  CHECK(context.gradients()(2) == 1.5);

  const double* memory = context.gradients().data;
  context.reserve_gradients(3);
  CHECK(context.gradients().data == memory);
  context.begin_step(1, 2);
  CHECK(context.loss() == 0.0);
  CHECK(context.gradients()(2) == 0.0);
}
