// SPDX-License-Identifier: Apache-2.0
// Gradients of what attention learns for distances and for times: sums over diagonals of squares that are nowhere
// stored, and over the places of each bucket.
//
// The block of 32 rows that makes dq has every slope of its rows in shared memory once. One of its warps sums a tile's
// diagonals, a distance a lane, the other sums by bucket, a row a lane and so no two lanes the same numbers. Each block
// leaves a row of sums, and the rows are summed in their order. Memory: (N / 32 + B) H (longest + 128) numbers written
// and read, a 32nd of the squares.
#pragma once

#include <cstdint>

#include "seqrec/cuda/attention_tile.cuh"
#include "seqrec/cuda/column_sums.cuh"

namespace seqrec::cuda {

/// Elements from one bucket's sums to the next: odd, so that both those who add and those who sum meet few banks twice.
inline constexpr int bucket_stride = tile_size + 1;
inline constexpr int bucket_elements = static_cast<int>(time_buckets) * bucket_stride;

/// The rows of sums that blocks leave: one for 32 rows of a history, at most N / 32 + B.
template <class A>
struct AttentionBiasRows {
  MatrixView<A, DeviceSpace> of_distance;  ///< (rows, H distances), null if not wanted
  MatrixView<A, DeviceSpace> of_time;      ///< (rows, H time_buckets), null if not wanted
  index_t distances = 0;                   ///< of a head: whole tiles

  __device__ explicit operator bool() const { return of_distance || of_time; }
  /// Later tiles of a history, and those of later histories, have later rows.
  __device__ static index_t row_of(const AttentionPlace& at) { return (at.first + at.start) / tile_size + at.user; }
};

/// What one block sums.
template <class A>
class AttentionBiasSums {
 public:
  /// @param of_buckets (bucket_elements) shared memory, used where times have a gradient
  __device__ AttentionBiasSums(const AttentionBiasRows<A>& rows, const AttentionPlace& at, A* of_buckets)
      : rows_(rows), at_(at), of_buckets_(of_buckets), lane_(tile_thread() % warp_size) {
    if (!sums_times()) return;
    for (int bucket = 0; bucket < time_buckets; ++bucket) of_buckets_[bucket * bucket_stride + lane_] = 0;
  }

  /// Adds a tile of slopes. Keys come in ascending order, each once.
  /// @param slopes, buckets  of the tile, in shared memory; slopes are 0 where a row does not see a key
  __device__ void add(const A* slopes, const std::uint8_t* buckets, index_t key) {
    if (sums_times()) {
      for (int e = lane_ * tile_stride<tile_size>, end = e + tile_size; e < end; ++e)
        of_buckets_[buckets[e] * bucket_stride + lane_] += slopes[e];
    } else if (sums_distances()) {
      // On and below the diagonal distances are those from start - key on, above it 32 less: of the next keys, whose
      // tile completes them.
      A below = before_, above = 0;
      for (int column = 0; column + lane_ < tile_size; ++column)
        below += slopes[(column + lane_) * tile_stride<tile_size> + column];
      for (int row = 0; row < lane_; ++row) above += slopes[row * tile_stride<tile_size> + row + tile_size - lane_];
      before_ = above;
      rows_.of_distance(rows_.row_of(at_), at_.head * rows_.distances + at_.start - key + lane_) = below;
    }
  }

  /// Leaves the sums by bucket; those by distance have been left on the way.
  __device__ void leave() const {
    if (!sums_times()) return;
    __syncwarp();
    for (int bucket = lane_; bucket < time_buckets; bucket += warp_size) {
      A sum = 0;
      for (int row = 0; row < tile_size; ++row) sum += of_buckets_[bucket * bucket_stride + row];
      rows_.of_time(rows_.row_of(at_), at_.head * time_buckets + bucket) = sum;
    }
  }

 private:
  static_assert(tile_threads == 2 * warp_size && tile_size == warp_size);
  __device__ bool sums_times() const { return rows_.of_time && tile_thread() < warp_size; }
  __device__ bool sums_distances() const { return rows_.of_distance && tile_thread() >= warp_size; }

  const AttentionBiasRows<A>& rows_;
  const AttentionPlace& at_;
  A* of_buckets_;
  int lane_;
  A before_ = 0;  ///< what earlier keys have of the distances of the next
};

/// Room for the sums of every block, zeros where none leaves any.
template <class S>
AttentionBiasRows<accumulator_of<S>> attention_bias_rows(BasicContext<S>& context,
                                                         const SelfAttentionBackward<BasicContext<S>>& a) {
  using A = accumulator_of<S>;
  AttentionBiasRows<A> sums;
  const index_t rows = a.q.rows() / tile_size + segments_of(a.offsets);
  const auto zeros = [&](index_t columns) {
    const MatrixView<A, DeviceSpace> matrix(context.template vector<A>(rows * columns).data, rows, columns);
    context.clear(matrix.data, matrix.size());
    return matrix;
  };
  sums.distances = round_up(a.longest, tile_size);
  if (a.dbias.of_distance) sums.of_distance = zeros(a.heads * sums.distances);
  if (a.dbias.of_time) sums.of_time = zeros(a.heads * time_buckets);
  return sums;
}

/// Adds up what the blocks have left.
template <class S>
void add_attention_bias_gradient(BasicContext<S>& context, const SelfAttentionBackward<BasicContext<S>>& a,
                                 const AttentionBiasRows<accumulator_of<S>>& sums) {
  using A = accumulator_of<S>;
  using Target = VectorView<typename BasicContext<S>::Master, DeviceSpace>;
  for (index_t head = 0; head < a.heads; ++head) {
    if (sums.of_distance)
      add_column_sums(context, sums.of_distance.rows(),
                      MatrixValues<A>{sums.of_distance.column_range(head * sums.distances, a.longest)},
                      Target(a.dbias.of_distance.row(head), a.longest));
    if (sums.of_time)
      add_column_sums(context, sums.of_time.rows(),
                      MatrixValues<A>{sums.of_time.column_range(head * time_buckets, time_buckets)},
                      Target(a.dbias.of_time.row(head), time_buckets));
  }
}

}  // namespace seqrec::cuda
