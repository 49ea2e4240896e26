// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/clear_words.cuh"

#include <vector>

#include "cuda/device_support.hpp"
#include "seqrec/cuda/work_stream.cuh"

TEST_CASE("words are cleared among other launches", "[cuda]") {
  for (const std::size_t count : {1u, 255u, 256u, 257u, 5000u}) {
    const std::size_t first = 3, all = count + 10;
    seqrec_test::DeviceVector<float> values = seqrec_test::to_device(std::vector<float>(all, 2.0f));
    seqrec::cuda::GatheredWork gathered;
    seqrec::cuda::clear_words(gathered.launches, values.view().data + first, count * sizeof(float));
    gathered.hand_over(nullptr);
    std::vector<float> expected(all, 2.0f);
    for (std::size_t i = 0; i < count; ++i) expected[first + i] = 0;
    CHECK(values.to_host() == expected);
  }
}
