// SPDX-License-Identifier: Apache-2.0
// A product of a warp on tensor cores: sixteen rows by tiles of eight columns, over any number of terms.
#pragma once

#include <cstddef>

#include "seqrec/core/types.hpp"
#include "seqrec/cuda/mma_terms.cuh"
#include "seqrec/cuda/tensor_core.cuh"

namespace seqrec::cuda {

/// Terms after which a tensor core's sum is added to another: it rounds towards zero.
inline constexpr int terms_at_once = 128;

/// A multiple of eight terms or columns that holds `count`.
SEQREC_HOST_DEVICE inline int whole_tiles(int count) { return (count + 7) / 8 * 8; }

/// sums += left right, for each tile of eight columns. All lanes of the warp take part.
/// @param terms a multiple of eight   @param left  left(row, term)   @param right  right(term, column)
/// @tparam Terms  of products; see mma_terms.cuh
template <class Terms, std::size_t Tiles, class A = typename Terms::Sum, class Left, class Right>
__device__ void add_tiles(MmaSums<A> (&sums)[Tiles], int terms, Left left, Right right) {
  constexpr int tiles = static_cast<int>(Tiles);
  for (int first = 0; first < terms; first += terms_at_once) {
    MmaSums<A> part[Tiles];
    const int end = first + terms_at_once < terms ? first + terms_at_once : terms;
    for (int start = first; start < end; start += 8) {
      const int row = mma_group(), term = start + mma_member();
      const typename Terms::Left of_left(left(row, term), left(row, term + 4), left(row + 8, term),
                                         left(row + 8, term + 4));
      const auto of_tile = [&](int tile) -> typename Terms::Right {
        const int column = tile * mma_columns + mma_group();
        return {right(term, column), right(term + 4, column), FirstPart::rounded};
      };
      SEQREC_CUDA_UNROLL
      for (int tile = 0; tile + 1 < tiles; tile += 2) {
        const typename Terms::Right two[2] = {of_tile(tile), of_tile(tile + 1)};
        multiply_by_each<Terms>(part + tile, of_left, two);
      }
      if constexpr (tiles % 2 != 0) {
        const typename Terms::Right one[1] = {of_tile(tiles - 1)};
        multiply_by_each<Terms>(part + (tiles - 1), of_left, one);
      }
    }
    SEQREC_CUDA_UNROLL
    for (int tile = 0; tile < tiles; ++tile)
      for (int i = 0; i < 4; ++i) sums[tile].values[i] += part[tile].values[i];
  }
}

}  // namespace seqrec::cuda
