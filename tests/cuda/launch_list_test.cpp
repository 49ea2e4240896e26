// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/launch_list.cuh"

#include "cuda/device_support.hpp"

namespace {

using namespace seqrec_test;
using seqrec::index_t;
using seqrec::cuda::LaunchList;

template <class T>
__global__ void set_one(T* values, index_t place, T value) {
  values[place] = value;
}
template <class T>
__global__ void set_nothing() {}

}  // namespace

TEST_CASE("a list of launches knows the same kernels, and the same launches among them", "[cuda]") {
  float* const memory = nullptr;
  LaunchList a, b;
  for (LaunchList* list : {&a, &b}) {
    list->add<set_one<float>>(1, 1, 0, memory, 2, 3.0f);
    list->add<set_nothing<float>>(1, 32, 0);
    list->add<set_one<float>>(2, 1, 16, memory, 3, 4.0f);
  }
  CHECK(a.size() == 3);
  CHECK(a.has_kernels_of(b));
  for (std::size_t i = 0; i < 3; ++i) CHECK(a.is_same(i, b));

  b.clear();
  CHECK_FALSE(a.has_kernels_of(b));
  b.add<set_one<float>>(1, 1, 0, memory, 2, 3.5f);   // another argument
  b.add<set_nothing<float>>(2, 32, 0);               // more blocks
  b.add<set_one<float>>(2, 1, 32, memory, 3, 4.0f);  // more memory
  CHECK(a.has_kernels_of(b));
  for (std::size_t i = 0; i < 3; ++i) CHECK_FALSE(a.is_same(i, b));

  b.clear();
  b.add<set_nothing<float>>(1, 32, 0);
  b.add<set_one<float>>(1, 1, 0, memory, 2, 3.0f);
  b.add<set_one<float>>(2, 1, 16, memory, 3, 4.0f);
  CHECK_FALSE(a.has_kernels_of(b));
}

TEST_CASE("a list of launches keeps copies of arguments, as the kernels' parameters are", "[cuda]") {
  const DeviceVector<double> values = to_device<double>({0, 0, 0});
  LaunchList list;
  {
    int place = 1;
    float value = 2.5f;  // of other types than the parameters
    double* const memory = const_cast<double*>(values.view().data);
    list.add<set_one<double>>(1, 1, 0, memory, place, value);
    place = 2;
    value = 7;
    list.add<set_one<double>>(1, 1, 0, memory, place, value);
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    const cudaKernelNodeParams launch = list.launch(i);
    CHECK(launch.gridDim.x == 1);
    CHECK(launch.sharedMemBytes == 0);
    CHECK(cudaLaunchKernel(launch.func, launch.gridDim, launch.blockDim, launch.kernelParams, launch.sharedMemBytes,
                           nullptr) == cudaSuccess);
  }
  CHECK(values.to_host() == std::vector<double>{0, 2.5, 7});
}
