// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/gru_walk.cuh"

#include "cuda/device_support.hpp"

using namespace seqrec::cuda;
using seqrec::index_t;

namespace {

/// Forward's walk: what gru.cuh asks for.
template <class S>
GruPlan plan(index_t histories, index_t width, std::size_t shared_bytes) {
  return gru_plan<S>(histories, width, 3, 3, width * (3 * width + 1), shared_bytes);
}

}  // namespace

TEST_CASE("gru: weights stay on chip to 128 units on an H100, to 104 on an A100", "[cuda]") {
  constexpr std::size_t h100 = 227 << 10, a100 = 163 << 10;
  for (const index_t histories : {1, 128, 4096}) {
    CHECK(plan<float>(histories, 128, h100).memory == GruMemory::on_chip);
    CHECK(plan<float>(histories, 104, a100).memory == GruMemory::on_chip);
    CHECK(plan<float>(histories, 144, h100).memory == GruMemory::far_weights);
    CHECK(plan<float>(histories, 1024, a100).memory == GruMemory::far_weights);
    CHECK(plan<float>(histories, 8192, a100).memory == GruMemory::far);
  }
}

TEST_CASE("gru: a block has whole warps, at most 512 threads and at most what it may of shared memory", "[cuda]") {
  for (const index_t width : {1, 16, 33, 64, 100, 128, 200, 512, 513, 3000, 100000})
    for (const index_t histories : {0, 1, 256, 257, 4096}) {
      CAPTURE(width, histories);
      const GruPlan p = plan<double>(histories, width, 163 << 10);
      CHECK(p.shape.block.x % 32 == 0);
      CHECK(p.shape.block.x * p.shape.block.y <= 512);
      CHECK((p.shape.block.y == 1 || width / p.shape.block.y >= 16));
      CHECK(p.shape.shared_bytes <= 163 << 10);
      CHECK(index_t{p.shape.grid.x} * p.tile >= histories);
      CHECK((p.far_numbers > 0) == (p.memory == GruMemory::far));
    }
}
