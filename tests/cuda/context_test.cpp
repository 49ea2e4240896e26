// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/context.cuh"

#include <type_traits>
#include <vector>

#include "cuda/device_support.hpp"
#include "seqrec/cuda/launch.cuh"

namespace {

using namespace seqrec;

template <class T>
__global__ void count_up(T* values) {
  values[threadIdx.x] = static_cast<T>(threadIdx.x);
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
