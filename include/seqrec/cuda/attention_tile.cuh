// SPDX-License-Identifier: Apache-2.0
// What the kernels of self-attention share: which tile of which history and head a block works on, logits and masks.
#pragma once

#include <cmath>
#include <cstdint>

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/online_softmax.cuh"
#include "seqrec/cuda/segments.cuh"
#include "seqrec/cuda/silu.cuh"
#include "seqrec/cuda/tile.cuh"
#include "seqrec/ops/self_attention.hpp"

namespace seqrec::cuda {

/// Which tiles of a history are dealt first: those with the most work, so that no long one begins when all others end.
/// (Histories lie the longest first where a batch is sorted, and so do their blocks.)
enum class TileOrder { first_first, last_first };

/// One block's work: 32 rows of a history in one head, and as many of the head's columns as it has registers for.
struct AttentionPlace {
  index_t user;
  index_t first, length;  ///< the history's rows
  index_t start;          ///< of the tile, in the history
  index_t head, width;    ///< columns head width .. head width + width - 1
  index_t column;         ///< the first that the block makes, of the head's

  template <class Arguments>
  __device__ AttentionPlace(const Arguments& a, TileOrder order, int columns) {
    const auto users = static_cast<unsigned>(a.offsets.size() - 1), tiles = gridDim.x / users;
    const unsigned tile = order == TileOrder::first_first ? blockIdx.x / users : tiles - 1 - blockIdx.x / users;
    user = static_cast<index_t>(blockIdx.x % users);
    first = a.offsets(user);
    length = a.offsets(user + 1) - first;
    start = static_cast<index_t>(tile) * tile_size;
    head = static_cast<index_t>(blockIdx.y);
    width = a.q.columns() / a.heads;
    column = static_cast<index_t>(blockIdx.z) * columns;
  }

  /// The history's rows of a matrix (N, D), and of those the head's columns.
  template <class Scalar>
  __device__ MatrixView<Scalar, DeviceSpace> part(const MatrixView<Scalar, DeviceSpace>& matrix) const {
    return matrix.row_range(first, length).column_range(head * width, width);
  }
  /// Rows, or keys, of a tile that the history has.
  __device__ int rows_from(index_t row) const {
    return static_cast<int>(length - row < tile_size ? length - row : tile_size);
  }
  /// Columns of a part of the head.
  __device__ int columns_from(index_t from, int columns) const {
    return static_cast<int>(width - from < columns ? width - from : columns);
  }
};

/// A block for every place; histories that are shorter than the longest leave some of them at once.
template <class Arguments>
LaunchShape attention_shape(const Arguments& a, int columns, std::size_t shared_bytes) {
  const index_t width = a.q.columns() / a.heads;
  return {
      dim3(blocks_for(segments_of(a.offsets) * tiles_of(a.longest), 1), blocks_across("attention heads", a.heads, 1),
           blocks_across("columns of an attention head", width, columns)),
      tile_block(), shared_bytes};
}

/// What the kernels know of an attention's weights beside its arguments.
template <class A>
struct AttentionFactors {
  A scale;  ///< of the product of a query and a key
  A share;  ///< of silu's weights
  A kept;   ///< of weights that dropout keeps
  bool silu;
};

template <class S, class Arguments>
AttentionFactors<accumulator_of<S>> attention_factors(const Arguments& a, const Dropout& dropout = {}) {
  using A = accumulator_of<S>;
  const bool silu = a.weights == AttentionWeights::silu;
  const auto width = static_cast<double>(a.q.columns() / a.heads);
  return {static_cast<A>(silu ? 1.0 : 1.0 / std::sqrt(width)), static_cast<A>(1.0 / a.divisor),
          static_cast<A>(dropout.scale()), silu};
}

/// Products of queries and keys become logits. Rows count in the history.
template <class S>
struct AttentionLogits {
  using A = accumulator_of<S>;

  AttentionBias<BasicContext<S>> bias;
  A scale;
  index_t first, head;

  /// The bucket of the time between two rows; 0 where times have no bias.
  __device__ index_t bucket(index_t row, index_t key) const {
    return bias.of_time ? time_bucket(seconds_between(bias.times(first + row), bias.times(first + key))) : 0;
  }
  __device__ A operator()(A score, index_t row, index_t key, index_t bucket_of_time) const {
    A sum = 0;
    if (bias.of_distance) sum += static_cast<A>(bias.of_distance(head, row - key));
    if (bias.of_time) sum += static_cast<A>(bias.of_time(head, bucket_of_time));
    return multiply_add(score, scale, sum);
  }
  __device__ A operator()(A score, index_t row, index_t key) const {
    return (*this)(score, row, key, bucket(row, key));
  }
};

/// Which of a thread's scores dropout keeps: bit 4 i + j. A Philox block has the lanes of eight keys, the columns of
/// the eight threads of a row: each draws two of the row's blocks, and they tell each other.
/// @param row         the mask's row of the tile's first, in the batch   @param rows_apart  of the mask, between rows
/// @param key         the first of the tile's, in the history: a multiple of 8
__device__ inline unsigned kept_scores(const Dropout& mask, std::uint32_t row, std::uint32_t rows_apart,
                                       std::uint32_t key) {
  static_assert(tile_side == 8 && tile_share == 4);
  if (!mask.active()) return ~0u;
  const unsigned x = threadIdx.x;
  unsigned drawn = 0;
  for (unsigned half = 0; half < 2; ++half) {
    const std::uint32_t i = threadIdx.y + tile_side * (x / 4 * 2 + half);
    const PhiloxBlock block = mask.lanes(row + i * rows_apart, key / 8 + x % 4);
    for (unsigned column = 0; column < 8; ++column)
      drawn |= (mask.keeps(block, column) ? 1u : 0u) << (8 * half + column);
  }
  unsigned kept = 0;
  for (int pair = 0; pair < 2; ++pair)
    for (int j = 0; j < tile_share; ++j) {
      const unsigned bits = __shfl_sync(all_lanes, drawn, pair * 4 + j, tile_side) >> x;
      kept |= (bits & 1u) << (8 * pair + j) | (bits >> 8 & 1u) << (8 * pair + 4 + j);
    }
  return kept;
}

/// Elements of what softmax keeps of each row and head for backward: the highest logit, and what exp(logit - highest)
/// is to be multiplied by. (A log-sum-exp would be one number, and lose all digits of a weight where logits are large.)
inline constexpr index_t saved_of_row = 2;

}  // namespace seqrec::cuda
