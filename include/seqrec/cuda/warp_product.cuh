// SPDX-License-Identifier: Apache-2.0
// A product of a warp on tensor cores: sixteen rows by tiles of eight columns, over any number of terms.
#pragma once

#include <cstddef>

#include "seqrec/core/types.hpp"
#include "seqrec/cuda/tensor_core.cuh"

namespace seqrec::cuda {

/// Terms after which a tensor core's sum is added to another: it rounds towards zero.
inline constexpr int terms_at_once = 128;

/// A multiple of eight terms or columns that holds `count`.
SEQREC_HOST_DEVICE inline int whole_tiles(int count) { return (count + 7) / 8 * 8; }

/// sums += left right, for each tile of eight columns. All lanes of the warp take part.
/// @param terms a multiple of eight   @param left  left(row, term)   @param right  right(term, column)
template <class A, std::size_t Tiles, class Left, class Right>
__device__ void add_tiles(MmaSums<A> (&sums)[Tiles], int terms, Left left, Right right) {
  constexpr int tiles = static_cast<int>(Tiles);
  for (int first = 0; first < terms; first += terms_at_once) {
    MmaSums<A> part[Tiles];
    const int end = first + terms_at_once < terms ? first + terms_at_once : terms;
    for (int start = first; start < end; start += MmaOf<A>::terms) {
      MmaOf<A> of[2];
      of[0].set_left([&](int row, int term) -> A { return left(row, start + term); });
      of[1] = of[0];
      const auto of_tile = [&](int tile) {
        return [&, tile](int term, int column) -> A { return right(start + term, tile * mma_columns + column); };
      };
      SEQREC_CUDA_UNROLL
      for (int tile = 0; tile + 1 < tiles; tile += 2) {
        of[0].set_right(of_tile(tile));
        of[1].set_right(of_tile(tile + 1));
        multiply_in_turn(of, part + tile);
      }
      if constexpr (tiles % 2 != 0) {
        of[0].set_right(of_tile(tiles - 1));
        of[0].multiply(part[tiles - 1]);
      }
    }
    SEQREC_CUDA_UNROLL
    for (int tile = 0; tile < tiles; ++tile)
      for (int i = 0; i < 4; ++i) sums[tile].values[i] += part[tile].values[i];
  }
}

}  // namespace seqrec::cuda
