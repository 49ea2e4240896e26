// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/context.cuh"

#include <type_traits>
#include <vector>

#include "cuda/device_support.hpp"
#include "seqrec/cuda/gemm.cuh"
#include "seqrec/cuda/launch.cuh"

namespace {

using namespace seqrec;

template <class T>
__global__ void count_up(T* values) {
  values[threadIdx.x] = static_cast<T>(threadIdx.x);
}

template <class T>
__global__ void add_up(const T* values, index_t count, T* sum) {
  for (index_t i = 0; i < count; ++i) sum[0] += values[i];
}

}  // namespace

TEMPLATE_TEST_CASE("a context of the device", "[cuda]", float, double) {
  using Context = cuda::BasicContext<TestType>;
  STATIC_REQUIRE(std::is_same_v<typename Context::Scalar, TestType>);
  STATIC_REQUIRE(std::is_same_v<typename Context::Master, TestType>);
  STATIC_REQUIRE(std::is_same_v<typename Context::Space, DeviceSpace>);
  STATIC_REQUIRE(std::is_same_v<cuda::Context, cuda::BasicContext<float>>);
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<Context>);

  Context context;
  CHECK(context.stream() != nullptr);
  CHECK(context.blas() != nullptr);
  const auto vector = context.vector(32);
  cuda::launch<count_up<TestType>>(context, {1, 32}, vector.data);
  CHECK_NOTHROW(context.synchronize());
  std::vector<TestType> values(32);
  Memory<DeviceSpace>::copy_to_host(values.data(), vector.data, 32 * sizeof(TestType));
  for (std::size_t i = 0; i < 32; ++i) CHECK(values[i] == static_cast<TestType>(i));
}

TEST_CASE("a step on the device begins with gradients of zero", "[cuda]") {
  cuda::Context context;
  context.reserve_gradients(32);
  cuda::launch<count_up<float>>(context, {1, 32}, context.gradients().data);
  context.begin_step(1, 1);
  std::vector<float> values(32, -1.0f);
  Memory<DeviceSpace>::copy_to_host(values.data(), context.gradients().data, 32 * sizeof(float));
  CHECK(values == std::vector<float>(32, 0.0f));
}

TEST_CASE("two contexts have streams of their own", "[cuda]") {
  const cuda::Context one, other;
  CHECK(one.stream() != other.stream());
  CHECK(one.blas() != other.blas());
}

TEST_CASE("two contexts at work do not disturb each other", "[cuda]") {
  constexpr index_t rows = 5, inputs = 4, outputs = 3, steps = 3;
  struct Work {
    /// Halves of a step: so that two contexts can take turns in between.
    void begin(index_t step) {
      context.begin_shard();
      x = context.matrix(rows, inputs);
      y = context.matrix(rows, outputs);
      std::vector<float> host(static_cast<std::size_t>(rows * inputs), static_cast<float>(number * 10 + step));
      context.copy_from_host(x.data, host.data(), rows * inputs);
    }
    void end() {
      cuda::gemm(context, x, weights.view(), y);
      cuda::launch<add_up<float>>(context, {1, 1}, y.data, rows * outputs, sum.view().data);
    }
    int number;
    cuda::Context context{};
    Tensor<float, 2, DeviceSpace> weights{inputs, outputs};
    seqrec_test::DeviceVector<float> sum{1};
    MatrixView<float, DeviceSpace> x{}, y{};
  };
  const auto sums = seqrec_test::same_under_three_schedules([&] {
    Work one{1}, other{2};
    const std::vector<float> ones(static_cast<std::size_t>(inputs * outputs), 1.0f);
    for (Work* work : {&one, &other}) work->weights.copy_from_host(ones.data());
    for (index_t step = 0; step < steps; ++step) {
      one.begin(step);
      other.begin(step);
      other.end();
      one.end();
    }
    one.context.synchronize();
    other.context.synchronize();
    return std::vector<float>{one.sum.to_host()[0], other.sum.to_host()[0]};
  });
  // 60 products each of 10, 11, 12, and of 20, 21, 22.
  CHECK(sums == std::vector<float>{60 * 33, 60 * 63});
}

TEST_CASE("a context gathers launches, and gives them to the device in their order", "[cuda]") {
  cuda::Context context;
  context.set_graphs(true);
  seqrec_test::DeviceVector<float> values(32), sum(1);
  for (int i = 0; i < 4; ++i) {
    const float found = context.gather([&] {
      context.clear(sum.view().data, 1);
      cuda::launch<count_up<float>>(context, {1, 32}, values.view().data);
      for (index_t count : {4, 5, 6})
        cuda::launch<add_up<float>>(context, {1, 1}, values.view().data, count, sum.view().data);
      float now = 0;
      context.copy_to_host(&now, sum.view().data, 1);  // what was gathered comes before
      cuda::launch<add_up<float>>(context, {1, 1}, values.view().data, index_t{3}, sum.view().data);
      return now;
    });
    CHECK(found == 6 + 10 + 15);
    context.synchronize();
    CHECK(sum.to_host()[0] == found + 3);
  }
  CHECK(context.graphs_made() == 1);
}

TEST_CASE("a context gathers nothing unless told, and nothing of work that fails", "[cuda]") {
  cuda::Context context;
  seqrec_test::DeviceVector<float> values(32), sum(1);
  cuda::launch<count_up<float>>(context, {1, 32}, values.view().data);
  context.clear(sum.view().data, 1);
  const auto work = [&](bool fails) {
    for (int i = 0; i < 5; ++i)
      cuda::launch<add_up<float>>(context, {1, 1}, values.view().data, index_t{3}, sum.view().data);
    if (fails) throw ShapeError("a shape");
  };
  for (int i = 0; i < 3; ++i) context.gather([&] { work(false); });
  CHECK(context.graphs_made() == 0);
  context.set_graphs(true);
  CHECK_THROWS_AS(context.gather([&] { work(true); }), ShapeError);
  context.synchronize();
  CHECK(sum.to_host()[0] == 45);
  for (int i = 0; i < 2; ++i) context.gather([&] { context.gather([&] { work(false); }); });
  context.synchronize();
  CHECK(sum.to_host()[0] == 75);
  CHECK(context.graphs_made() == 1);
}
