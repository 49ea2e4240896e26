// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/attention_tile.cuh"

#include <vector>

#include "cuda/device_support.hpp"
#include "support/masks.hpp"

namespace {

using namespace seqrec_test;
using namespace seqrec::cuda;
using seqrec::index_t;
using seqrec::offset_t;

template <class T>
__global__ void write_kept(seqrec::Dropout mask, unsigned row, unsigned heads, unsigned key, T* out) {
  const unsigned kept = kept_scores(mask, row, heads, key);
  for (int i = 0; i < tile_share; ++i)
    for (int j = 0; j < tile_share; ++j)
      out[tile_row(i) * tile_size + tile_column(j)] = static_cast<T>(kept >> (tile_share * i + j) & 1u);
}

/// What of a place is asked for.
struct Arguments {
  seqrec::VectorView<const offset_t, seqrec::DeviceSpace> offsets;
  index_t longest, heads;
  seqrec::MatrixView<const float, seqrec::DeviceSpace> q;
};

/// Counts the blocks of each row and column, (N, D), and puts the places of a history in the order of their numbers.
template <class T>
__global__ void visit_places(Arguments a, TileOrder order, T* visits, T* begins) {
  const AttentionPlace at(a, order, 16);
  if (tile_thread() == 0 && blockIdx.y == 0 && blockIdx.z == 0) begins[blockIdx.x] = static_cast<T>(at.start);
  if (at.start >= at.length) return;
  for (int i = tile_thread(); i < at.rows_from(at.start); i += tile_threads)
    for (int d = 0; d < at.columns_from(at.column, 16); ++d)
      visits[(at.first + at.start + i) * a.q.columns() + at.head * at.width + at.column + d] += 1;
}

}  // namespace

TEST_CASE("attention on CUDA: threads that share their draws keep what the mask keeps", "[cuda]") {
  for (const double probability : {0.0, 0.3, 0.9}) {
    const seqrec::Dropout mask = mask_of(probability);
    constexpr unsigned row = 4'294'967'000u, heads = 3, key = 64;  // rows of the mask go round
    DeviceVector<int> out(tile_size * tile_size);
    launch<write_kept<int>>(DefaultStream{}, {1, tile_block()}, mask, row, heads, key, out.view().data);
    const std::vector<int> kept = out.to_host();
    index_t wrong = 0;
    for (unsigned i = 0; i < tile_size; ++i)
      for (unsigned j = 0; j < tile_size; ++j)
        wrong += (kept[i * tile_size + j] != 0) != (!mask.active() || mask.keeps(row + i * heads, key + j));
    CHECK(wrong == 0);
  }
}

TEST_CASE("attention on CUDA: blocks take every row of every head, those with the most work first", "[cuda]") {
  constexpr index_t rows = 104, heads = 2, width = 20;
  const auto offsets = to_device<offset_t>({0, 70, 70, 71, 104});
  for (const TileOrder order : {TileOrder::first_first, TileOrder::last_first}) {
    DeviceVector<int> visits(rows * heads * width), begins(4 * 3);
    const Arguments a{offsets.view(), 70, heads, {nullptr, rows, heads * width}};
    launch<visit_places<int>>(DefaultStream{}, attention_shape(a, 16, 0), a, order, visits.view().data,
                              begins.view().data);
    CHECK(visits.to_host() == std::vector<int>(static_cast<std::size_t>(rows * heads * width), 1));
    const std::vector<int> ascending = {0, 0, 0, 0, 32, 32, 32, 32, 64, 64, 64, 64};
    CHECK(begins.to_host() ==
          (order == TileOrder::first_first ? ascending : std::vector<int>(ascending.rbegin(), ascending.rend())));
  }
}
