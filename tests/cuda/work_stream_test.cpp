// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/work_stream.cuh"

#include "cuda/device_support.hpp"

namespace {

using namespace seqrec_test;
using seqrec::cuda::GatheredWork;
using seqrec::cuda::WorkStream;

template <class T>
__global__ void write_number(T* value, T number) {
  *value = number;
}

}  // namespace

TEST_CASE("a stream hands over what was gathered to whoever asks for it", "[cuda]") {
  DeviceVector<int> value = to_device<int>({1});
  GatheredWork gathered;
  const WorkStream stream(nullptr, &gathered);
  CHECK(stream.launches() == nullptr);
  gathered.gathers = true;
  REQUIRE(stream.launches() == &gathered.launches);
  const WorkStream copy = stream;
  copy.launches()->add<write_number<int>>(1, 1, 0, value.view().data, 7);
  CHECK(value.to_host()[0] == 1);
  cudaStream_t handle = stream;
  CHECK(handle == nullptr);
  CHECK(gathered.launches.size() == 0);
  CHECK(value.to_host()[0] == 7);
}

TEST_CASE("a stream without a context gathers nothing", "[cuda]") {
  CHECK(WorkStream().launches() == nullptr);
  CHECK(static_cast<cudaStream_t>(WorkStream()) == nullptr);
}
