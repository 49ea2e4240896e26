// SPDX-License-Identifier: Apache-2.0
// Gradients of what attention learns for distances and for times: sums over diagonals of squares that are nowhere
// stored, and over the places of each bucket.
//
// The block of 64 rows that makes dq has every slope of its rows in shared memory once. For either half of them one
// warp sums a tile's diagonals, a distance a lane, and one by bucket, a row a lane and so no two lanes the same
// numbers. Each half leaves a row of sums, and the rows are summed in their order. Memory: (N / 32 + B) H (longest +
// 128) numbers written and read, a 32nd of the squares.
#pragma once

#include <cstdint>

#include "seqrec/cuda/attention_block.cuh"
#include "seqrec/cuda/column_sums.cuh"

namespace seqrec::cuda {

/// Rows of a half, each a lane's.
inline constexpr int bias_rows_of_half = warp_size;
/// Elements from one bucket's sums to the next: odd, so that both those who add and those who sum meet few banks twice.
inline constexpr int bucket_stride = bias_rows_of_half + 1;
inline constexpr int slope_elements = score_elements(attention_rows);
inline constexpr int bucket_elements = 2 * static_cast<int>(time_buckets) * bucket_stride;

/// Bytes of a block's slopes, and where times have a gradient of sums by bucket and of buckets.
template <class A>
constexpr std::size_t attention_bias_bytes(bool of_time) {
  return (slope_elements + (of_time ? bucket_elements : 0)) * sizeof(A) + (of_time ? slope_elements : 0);
}

/// The rows of sums that blocks leave: one for 32 rows of a history, at most N / 32 + B.
template <class A>
struct AttentionBiasRows {
  MatrixView<A, DeviceSpace> of_distance;  ///< (rows, H distances), null if not wanted
  MatrixView<A, DeviceSpace> of_time;      ///< (rows, H time_buckets), null if not wanted
  index_t distances = 0;                   ///< of a head: whole tiles

  __device__ explicit operator bool() const { return of_distance || of_time; }
  /// Later rows of a history, and those of later histories, have later rows of sums.
  /// @param start  of the 32 rows, in the history
  __device__ static index_t row_of(const AttentionBlock& at, int start) {
    return (at.first + start) / bias_rows_of_half + at.user;
  }
};

/// What one block sums. (What a thread could keep of this it works out again: registers are wanted for products.)
template <class A>
class AttentionBiasSums {
 public:
  /// @param shared  attention_bias_bytes, used where anything is wanted   @param wanted  whether this block is to sum
  __device__ AttentionBiasSums(const AttentionBiasRows<A>& rows, const AttentionBlock& at, A* shared, bool wanted)
      : rows_(rows), at_(at), slopes_(shared), wanted_(wanted && rows) {
    for (int bucket = 0; sums_times() && bucket < time_buckets; ++bucket)
      of_buckets()[bucket * bucket_stride + lane()] = 0;
  }
  __device__ explicit operator bool() const { return wanted_; }

  /// Slopes of a tile, 0 where a row does not see a key, and buckets where times have a gradient; at score_place.
  __device__ A* slopes() const { return slopes_; }
  __device__ std::uint8_t* buckets() const {
    return wanted_ && rows_.of_time ? reinterpret_cast<std::uint8_t*>(slopes_ + slope_elements + bucket_elements)
                                    : nullptr;
  }

  /// Adds a tile of slopes once all of it is set; all threads of the block take part. Nobody sets the next before a
  /// barrier. Keys come in ascending order, each once.
  __device__ void add(int key) {
    __syncthreads();
    if (key > start()) return;  // nobody sees them
    const int first = half() * bias_rows_of_half * score_stride, lane = this->lane();
    const A* const slopes = slopes_ + first;
    if (sums_times()) {
      A* const sums = of_buckets() + lane;
      for (int e = lane * score_stride, end = e + passing_rows; e < end; ++e)
        sums[buckets()[first + e] * bucket_stride] += slopes[e];
    } else if (sums_distances()) {
      // On and below the diagonal distances are those from start - key on, above it 32 less: of the next keys, whose
      // tile completes them.
      A below = before_, above = 0;
      for (int column = 0; column + lane < passing_rows; ++column)
        below += slopes[(column + lane) * score_stride + column];
      for (int row = 0; row < lane; ++row) above += slopes[row * score_stride + row + passing_rows - lane];
      before_ = above;
      rows_.of_distance(rows_.row_of(at_, start()), at_.head * rows_.distances + start() - key + lane) = below;
    }
  }

  /// Leaves the sums by bucket; those by distance have been left on the way.
  __device__ void leave() const {
    if (!sums_times()) return;
    __syncwarp();
    for (int bucket = lane(); bucket < time_buckets; bucket += warp_size) {
      A sum = 0;
      for (int row = 0; row < bias_rows_of_half; ++row) sum += of_buckets()[bucket * bucket_stride + row];
      rows_.of_time(rows_.row_of(at_, start()), at_.head * time_buckets + bucket) = sum;
    }
  }

 private:
  static_assert(attention_warps == 4 && passing_rows == bias_rows_of_half);

  __device__ static int lane() { return static_cast<int>(threadIdx.x) % warp_size; }
  /// Which half of the rows the warp sums.
  __device__ static int half() { return static_cast<int>(threadIdx.x) / warp_size % 2; }
  /// The half's first row in the history.
  __device__ int start() const { return at_.start + half() * bias_rows_of_half; }
  __device__ bool sums_times() const {
    return wanted_ && rows_.of_time && threadIdx.x < 2 * warp_size && start() < at_.length;
  }
  __device__ bool sums_distances() const {
    return wanted_ && rows_.of_distance && threadIdx.x >= 2 * warp_size && start() < at_.length;
  }
  __device__ A* of_buckets() const { return slopes_ + slope_elements + half() * (bucket_elements / 2); }

  const AttentionBiasRows<A>& rows_;
  const AttentionBlock& at_;
  A* slopes_;
  bool wanted_;
  A before_ = 0;  ///< what earlier keys have of the distances of the next
};

/// Room for the sums of every block, zeros where none leaves any.
template <class S>
AttentionBiasRows<accumulator_of<S>> attention_bias_rows(BasicContext<S>& context,
                                                         const SelfAttentionBackward<BasicContext<S>>& a) {
  using A = accumulator_of<S>;
  AttentionBiasRows<A> sums;
  const index_t rows = a.q.rows() / bias_rows_of_half + segments_of(a.offsets);
  const auto zeros = [&](index_t columns) {
    const MatrixView<A, DeviceSpace> matrix(context.template vector<A>(rows * columns).data, rows, columns);
    context.clear(matrix.data, matrix.size());
    return matrix;
  };
  sums.distances = round_up(a.longest, bias_rows_of_half);
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
