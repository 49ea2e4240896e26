// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/segments.cuh"

#include <vector>

#include "cuda/device_support.hpp"
#include "seqrec/cuda/launch.cuh"

namespace {

using namespace seqrec_test;
using namespace seqrec::cuda;
using seqrec::index_t;
using seqrec::offset_t;

template <class T>
__global__ void write_segments(seqrec::VectorView<const offset_t, seqrec::DeviceSpace> offsets, T* segments) {
  segments[threadIdx.x] = static_cast<T>(segment_of(offsets, threadIdx.x));
}

}  // namespace

TEST_CASE("the segment of each row, none of them empty", "[cuda]") {
  const auto offsets = to_device<offset_t>({0, 0, 3, 3, 3, 4, 6, 6});
  DeviceVector<int> segments(6);
  launch<write_segments<int>>(DefaultStream{}, {1, 6}, offsets.view(), segments.view().data);
  CHECK(segments.to_host() == std::vector<int>{1, 1, 1, 4, 5, 5});
}

TEST_CASE("how many segments there are, with and without offsets", "[cuda]") {
  CHECK(segments_of(to_device<offset_t>({0, 0, 3}).view()) == 2);
  CHECK(segments_of(to_device<offset_t>({0}).view()) == 0);
  CHECK(segments_of({}) == 0);
}
