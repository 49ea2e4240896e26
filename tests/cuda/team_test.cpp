// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/team.cuh"

#include <cmath>
#include <limits>
#include <thread>
#include <vector>

#include "cuda/device_support.hpp"
#include "seqrec/cuda/gemm.cuh"
#include "seqrec/cuda/launch.cuh"
#include "support/catch.hpp"

using namespace seqrec;
using cuda::Team;
using Context = Team::Context;

namespace {

constexpr ElementRange all{0, 4};

/// A batch that is cut into a number of shards; a shard is its number.
struct Shards {
  index_t count;
  index_t num_shards() const { return count; }
  index_t shard(index_t s) const { return s; }
};

__global__ void add_number(VectorView<float, DeviceSpace> values, VectorView<double, DeviceSpace> loss, float number) {
  values(threadIdx.x) += number;
  if (threadIdx.x == 0) loss(0) += 10 * static_cast<double>(number);
}

std::vector<float> read(VectorView<const float, DeviceSpace> values) {
  std::vector<float> host(static_cast<std::size_t>(values.size()));
  Memory<DeviceSpace>::copy_to_host(host.data(), values.data, host.size() * sizeof(float));
  return host;
}

/// Adds its number to each gradient, and ten times that to the loss.
void add_shard(Context& context, index_t shard) {
  cuda::launch<add_number>(context, {1, 4}, context.gradient(all, all), context.loss_sum(),
                           static_cast<float>(shard + 1));
}

}  // namespace

TEST_CASE("a team of the device is one context that takes batches whole", "[cuda]") {
  Team team(4, {.threads = 3, .slots = 5});
  CHECK(team.slots() == 1);
  CHECK(team.threads() == 1);
  CHECK(rows_of_shard<Team>(256) == std::numeric_limits<std::int32_t>::max());
  CHECK(team.gradients().size() == 4);
  CHECK_FALSE(Team().gradients());
}

TEST_CASE("a team of the device sums gradients and losses over shards and batches of a step", "[cuda]") {
  Team team(4);
  team.run_step(1, 1, Shards{2}, add_shard);
  team.reduce();
  CHECK(read(team.step_gradients().of(all).dense) == std::vector<float>(4, 3.0f));
  CHECK(team.context().loss() == 30);
  team.run_further(1, 2, Shards{3}, add_shard);
  team.reduce();
  CHECK(read(team.gradients()) == std::vector<float>(4, 9.0f));
  CHECK(team.context().loss() == 90);
  CHECK(read(team.dense_gradient({1, 2})) == std::vector<float>(2, 9.0f));
  CHECK(team.dense_gradient({1, 2}).data == team.gradients().data + 1);
  team.run_step(1, 3, Shards{0}, add_shard);
  team.reduce();
  CHECK_FALSE(team.step_gradients().of(all).dense);
  CHECK(read(team.gradients()) == std::vector<float>(4, 0.0f));
  CHECK(team.context().loss() == 0);
}

TEST_CASE("a team of the device begins each shard with its memory, and each step with its masks", "[cuda]") {
  Team team;
  std::vector<const float*> memory;
  std::vector<std::uint32_t> steps, sites;
  const auto work = [&](Context& context, index_t) {
    memory.push_back(context.vector(3).data);
    const Dropout mask = context.next_dropout(0.5, 0);
    steps.push_back(mask.step);
    sites.push_back(mask.site);
  };
  team.run_step(1, 4, Shards{2}, work);
  team.run_further(1, 5, Shards{1}, work);
  CHECK(memory[1] == memory[0]);
  CHECK(memory[2] == memory[0]);
  CHECK(steps == std::vector<std::uint32_t>{4, 4, 5});
  CHECK(sites == std::vector<std::uint32_t>{0, 0, 0});
}

TEST_CASE("a team of the device gives all elements to one call", "[cuda]") {
  Team team;
  std::vector<index_t> calls;
  const auto note = [&](Context&, index_t first, index_t count) { calls.insert(calls.end(), {first, count}); };
  team.for_ranges(100'000, note);
  team.for_ranges(0, note);
  CHECK(calls == std::vector<index_t>{0, 100'000});
}

TEST_CASE("a team of the device refuses a second thread while one works", "[cuda]") {
  Team team(4);
  int refused = 0;
  const auto in_another_thread = [&](auto action) {
    std::jthread([&] {
      try {
        action();
      } catch (const ContextInUseError&) {
        ++refused;
      }
    }).join();
  };
  const auto add_elsewhere = [&] { add_shard(team.context(), 0); };
  team.run_step(1, 1, Shards{1}, [&](Context& context, index_t shard) {
    add_shard(context, shard);
    in_another_thread(add_elsewhere);
    in_another_thread([&] { team.run(Shards{1}, add_shard); });
    in_another_thread([&] { team.run_step(1, 1, Shards{1}, add_shard); });
  });
  CHECK(refused == 3);
  team.for_ranges(4, [&](Context&, index_t, index_t) { in_another_thread(add_elsewhere); });
  CHECK(refused == 4);
  in_another_thread(add_elsewhere);
  CHECK(refused == 4);
  team.reduce();
  CHECK(read(team.gradients()) == std::vector<float>(4, 2.0f));
}

TEST_CASE("a team of the device takes products as exactly as it is told", "[cuda]") {
  // The product of so many equal numbers that cuBLAS takes tensor cores for it, where it may.
  const auto product = [](ProductPrecision precision) {
    constexpr index_t size = 64;
    Team team(0, {.products = precision});
    const auto numbers = team.context().matrix(size, size), result = team.context().matrix(size, size);
    const std::vector<float> values(size * size, 1.0f + 0x1p-12f);
    team.context().copy_from_host(numbers.data, values.data(), size * size);
    const MatrixView<const float, DeviceSpace> factor = numbers;
    cuda::gemm(team.context(), factor, factor, result);
    return read(VectorView<const float, DeviceSpace>(result.data, 1)).front();
  };
  CHECK(std::abs(product(ProductPrecision::full) - 64 * (1.0f + 0x1p-11f)) < 1e-4f);
  CHECK(product(ProductPrecision::tf32) == 64.0f);
  CHECK(Team(0, {.products = ProductPrecision::bf16}).context().products() == ProductPrecision::bf16);
}
