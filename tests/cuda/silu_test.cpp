// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/silu.cuh"

#include <cmath>
#include <vector>

#include "cuda/device_support.hpp"
#include "seqrec/cuda/launch.cuh"

namespace {

using namespace seqrec_test;
using namespace seqrec::cuda;

template <class T>
__global__ void write_silu(const T* x, T* out) {
  const Silu<T> silu(x[threadIdx.x]);
  out[2 * threadIdx.x] = silu.value;
  out[2 * threadIdx.x + 1] = silu.slope;
}

}  // namespace

TEMPLATE_TEST_CASE("silu and its slope, also of gates of any size", "[cuda]", float, double) {
  const auto x = to_device<TestType>({0, 1, -2, 1e4, -1e4});
  DeviceVector<TestType> out(10);
  launch<write_silu<TestType>>(DefaultStream{}, {1, 5}, x.view().data, out.view().data);
  const std::vector<TestType> values = out.to_host();
  CHECK(values[0] == 0);
  CHECK(values[1] == TestType{0.5});
  CHECK(values[2] == Approx(1 / (1 + std::exp(-1.0))));
  CHECK(values[4] == Approx(-2 / (1 + std::exp(2.0))));
  const auto silu = [](double at) { return at / (1 + std::exp(-at)); };
  for (const std::size_t i : {1u, 2u}) {
    const double at = i == 1 ? 1 : -2;
    CHECK(values[2 * i + 1] == Approx((silu(at + 1e-6) - silu(at - 1e-6)) / 2e-6));
  }
  CHECK(values[6] == TestType{1e4});
  CHECK(values[7] == 1);
  CHECK(values[8] == 0);
  CHECK(values[9] == 0);
}
