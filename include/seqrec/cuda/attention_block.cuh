// SPDX-License-Identifier: Apache-2.0
// What the kernels of self-attention share that work on tensor cores: which rows of which history and head a block and
// its warps have, and masks.
#pragma once

#include <cmath>
#include <cstdint>

#include "seqrec/cuda/attention_logits.cuh"
#include "seqrec/cuda/launch.cuh"
#include "seqrec/cuda/multiply_add.cuh"
#include "seqrec/cuda/reduce.cuh"
#include "seqrec/cuda/segments.cuh"
#include "seqrec/cuda/silu.cuh"
#include "seqrec/cuda/warp_tile.cuh"

namespace seqrec::cuda {

/// Rows of a history that a block has, 16 a warp.
inline constexpr int attention_warps = 4;
inline constexpr int attention_rows = attention_warps * mma_rows;
inline constexpr int attention_threads = attention_warps * warp_size;
/// Blocks that a multiprocessor is to hold at least: as many as there are registers for.
template <int Width>
inline constexpr int attention_blocks_at_once = Width <= 64 ? 3 : 2;

/// Which tiles of a history are dealt first: those with the most work, so that no long one begins when all others end.
/// (Histories lie the longest first where a batch is sorted, and so do their blocks.)
enum class TileOrder { first_first, last_first };

/// One block's work: 64 rows of a history in one head, and as many of the head's columns as it has registers for.
struct AttentionBlock {
  index_t user;
  index_t first;        ///< the history's first row
  int length;           ///< the history's rows
  int start;            ///< of the block's rows, in the history
  index_t head, width;  ///< columns head width .. head width + width - 1
  int column;           ///< the first that the block makes, of the head's

  template <class Arguments>
  __device__ AttentionBlock(const Arguments& a, TileOrder order, int columns) {
    const auto users = static_cast<unsigned>(a.offsets.size() - 1), tiles = gridDim.x / users;
    const unsigned tile = order == TileOrder::first_first ? blockIdx.x / users : tiles - 1 - blockIdx.x / users;
    user = static_cast<index_t>(blockIdx.x % users);
    first = a.offsets(user);
    length = static_cast<int>(a.offsets(user + 1) - first);
    start = static_cast<int>(tile) * attention_rows;
    head = static_cast<index_t>(blockIdx.y);
    width = a.q.columns() / a.heads;
    column = static_cast<int>(blockIdx.z) * columns;
  }

  /// The first of the warp's 16 rows, in the block: so that the warps of a multiprocessor's quarter are not all those
  /// with the most, or the fewest, keys.
  __device__ static int row_of_warp() {
    return static_cast<int>((threadIdx.x / warp_size + blockIdx.x) % attention_warps) * mma_rows;
  }
  /// Dropout's row of a row of the history.
  template <class Arguments>
  __device__ std::uint32_t row_of_mask(const Arguments& a, int row) const {
    return (a.dropout.first_row + static_cast<std::uint32_t>(first + row)) * static_cast<std::uint32_t>(a.heads) +
           static_cast<std::uint32_t>(head);
  }
  /// The history's rows of a matrix (N, D), and of those the head's columns.
  template <class Scalar>
  __device__ MatrixView<Scalar, DeviceSpace> part(const MatrixView<Scalar, DeviceSpace>& matrix) const {
    return matrix.row_range(first, length).column_range(head * width, width);
  }
};

/// A block for every place; histories that are shorter than the longest leave some of them at once.
template <class Arguments>
LaunchShape attention_blocks(const Arguments& a, int columns, std::size_t shared_bytes) {
  const index_t width = a.q.columns() / a.heads, tiles = (a.longest + attention_rows - 1) / attention_rows;
  return {dim3(blocks_for(segments_of(a.offsets) * tiles, 1), blocks_across("attention heads", a.heads, 1),
               blocks_across("columns of an attention head", width, columns)),
          dim3(attention_threads), shared_bytes};
}

/// Calls action.operator()<Width, Bytes, InParts>() for the narrowest tile that holds heads of this width, or one of
/// whose width such a head has several parts.
/// @param in_fours  whether all matrices lie in fours, to be copied by 16 bytes   @tparam Widest  32, 64 or 128
template <class S, int Widest, class Action>
void dispatch_attention_width(index_t width, bool in_fours, Action&& action) {
  constexpr int element = static_cast<int>(sizeof(S)), part = Widest < 64 ? Widest : 64;
  const auto take = [&]<int Width, bool InParts>() {
    if (in_fours)
      action.template operator()<Width, 16, InParts>();
    else
      action.template operator()<Width, element, InParts>();
  };
  if (width <= 32)
    take.template operator()<32, false>();
  else if (width <= part)
    take.template operator()<part, false>();
  else if (width <= Widest)
    take.template operator()<Widest, false>();
  else
    take.template operator()<part, true>();
}

/// Which of a lane's scores dropout keeps: bit 4 n + i for element i of part n. A Philox block has the lanes of eight
/// keys, a row of a part, that four lanes hold: each draws a part's block for both of its rows, and they tell each
/// other.
/// @param row  the mask's row of the warp's first, in the batch   @param rows_apart  of the mask, between rows
/// @param key  the first of the tile's, in the history: a multiple of 8
__device__ inline unsigned kept_weights(const Dropout& mask, std::uint32_t row, std::uint32_t rows_apart,
                                        std::uint32_t key) {
  static_assert(passing_parts == 4);
  if (!mask.active()) return ~0u;
  const auto group = static_cast<unsigned>(mma_group()), member = static_cast<unsigned>(mma_member());
  unsigned drawn = 0;
  for (unsigned half = 0; half < 2; ++half) {
    const PhiloxBlock block = mask.lanes(row + (group + 8 * half) * rows_apart, key / 8 + member);
    for (unsigned column = 0; column < 8; ++column)
      drawn |= (mask.keeps(block, column) ? 1u : 0u) << (8 * half + column);
  }
  unsigned kept = 0;
  for (int n = 0; n < passing_parts; ++n) {
    const unsigned bits = __shfl_sync(all_lanes, drawn, n, 4) >> (2 * member);
    kept |= ((bits & 3u) | (bits >> 6 & 12u)) << (4 * n);
  }
  return kept;
}

/// The same of scores whose rows are keys and whose columns are rows of queries: each lane draws what two blocks of
/// keys keep of one column.
/// @param row  the mask's row of the tile's first column   @param key  the first of the warp's, a multiple of 8
__device__ inline unsigned kept_weights_of_keys(const Dropout& mask, std::uint32_t row, std::uint32_t rows_apart,
                                                std::uint32_t key) {
  static_assert(passing_rows == warp_size);
  if (!mask.active()) return ~0u;
  unsigned drawn = 0;
  for (unsigned half = 0; half < 2; ++half) {
    const PhiloxBlock block = mask.lanes(row + static_cast<unsigned>(mma_lane()) * rows_apart, key / 8 + half);
    for (unsigned column = 0; column < 8; ++column)
      drawn |= (mask.keeps(block, column) ? 1u : 0u) << (8 * half + column);
  }
  unsigned kept = 0;
  for (int n = 0; n < passing_parts; ++n)
    for (int i = 0; i < 2; ++i) {
      const unsigned bits = __shfl_sync(all_lanes, drawn, mma_columns * n + MmaSums<>::column(i)) >> mma_group();
      kept |= ((bits & 1u) | (bits >> 6 & 4u)) << (4 * n + i);
    }
  return kept;
}

/// A row and a key that meet in a score, both of the history, and whether the row is there and sees the key.
struct Meeting {
  int row, key;
  bool seen;
};

/// Calls action(element, n, i) for the elements i of the parts n of a lane's scores.
template <class A, class Action>
__device__ void for_each_score(WarpScores<A>& scores, Action action) {
  // Scores lie in registers, whatever the action does.
  SEQREC_CUDA_UNROLL
  for (int e = 0; e < 4 * passing_parts; ++e) action(scores[e / 4].values[e % 4], e / 4, e % 4);
}

/// Elements from one row to the next of a tile in shared memory with a number for each of a block's scores: odd, so
/// that both those who walk along rows and those who walk down meet few banks twice.
inline constexpr int score_stride = passing_rows + 1;
/// Elements of such a tile of so many rows.
SEQREC_HOST_DEVICE constexpr int score_elements(int rows) { return rows * score_stride; }
/// Where element i of part n of the warp lies whose first row in the block is `row`.
__device__ inline int score_place(int row, int n, int i) {
  return (row + MmaSums<>::row(i)) * score_stride + mma_columns * n + MmaSums<>::column(i);
}

/// Products of queries and keys become logits.
/// @param tile     of a number for each score, used where there are biases: of them the lane's, for a moment
/// @param buckets  of times, left for each score unless null   @param row  the warp's first, in the block
/// @param meeting  meeting(n, i) of element i of part n
template <class S, class A, class MeetingOf>
__device__ void make_logits(WarpScores<A>& scores, A scale, const AttentionBiases<S>& biases, A* tile,
                            std::uint8_t* buckets, int row, MeetingOf meeting) {
  if (!biases) {
    for_each_score(scores, [&](A& score, int, int) { score = multiply_add(score, scale, A{0}); });
    return;
  }
  // Not in registers, which only a loop that is unrolled can name: it is long.
#ifdef __CUDACC__
#pragma unroll 1
#endif
  for (int e = 0; e < 4 * passing_parts; ++e) {
    const Meeting of = meeting(e / 4, e % 4);
    const int place = score_place(row, e / 4, e % 4);
    const index_t bucket = of.seen ? biases.bucket(of.row, of.key) : 0;
    tile[place] = of.seen ? biases(of.row, of.key, bucket) : A{0};
    if (buckets != nullptr) buckets[place] = static_cast<std::uint8_t>(bucket);
  }
  for_each_score(scores,
                 [&](A& score, int n, int i) { score = multiply_add(score, scale, tile[score_place(row, n, i)]); });
}

/// exp, as fast as its use for weights allows: of floats with an error of some units in the last place, more for
/// weights that are next to nothing.
__device__ inline float weight_exp(float x) { return __expf(x); }
__device__ inline double weight_exp(double x) { return std::exp(x); }

}  // namespace seqrec::cuda
