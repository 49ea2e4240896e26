// SPDX-License-Identifier: Apache-2.0
// How the GPU scores items. Whoever does it, for the whole catalogue, a part of it or listed items, for one state or
// many, gets the same fused multiply-adds in ascending order of columns, then the bias: an item's score is the same to
// the last bit whoever asks, and equal items have equal scores.
//
// Tiles of 64 states by 128 items, a block each, eight by eight of them a thread, so that two reads of four neighbours
// from shared memory feed thirty-two products. Memory: a tile reads its states and its items once.
#pragma once

#include <cmath>
#include <cstddef>
#include <type_traits>

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/launch.cuh"
#include "seqrec/ops/item_head.hpp"

namespace seqrec::cuda {

/// States and items of a tile.
inline constexpr int scored_states = 64;
inline constexpr int scored_items = 128;
/// Threads of its block: sixteen times eight items for eight times eight states.
inline constexpr int scoring_threads = 128;
/// Columns of both that lie in shared memory at once: 13 KB of floats.
inline constexpr int scored_columns = 16;

/// A run of items.
struct ItemRange {
  index_t first, end;

  SEQREC_HOST_DEVICE index_t size() const { return end - first; }
};

/// The scores of a block's tile.
template <class S>
class ScoreTile {
 public:
  /// A thread's states, and its items.
  static constexpr int of_thread = 8;

  /// All threads of the block take part.   @param states (B, D)
  __device__ ScoreTile(const ItemHead<BasicContext<S>>& head, MatrixView<const S, DeviceSpace> states, ItemRange items)
      : states_(states.rows()),
        end_(items.end),
        first_state_(static_cast<index_t>(blockIdx.y) * scored_states),
        first_item_(items.first + static_cast<index_t>(blockIdx.x) * scored_items) {
    // Four more than rows: each column begins at a multiple of 16 bytes, and what a warp stores lies in many banks.
    __shared__ shared_array<Column<scored_states>, scored_columns> of_states;
    __shared__ shared_array<Column<scored_items>, scored_columns> of_items;
    const index_t width = head.width();
    for (index_t from = 0; from < width; from += scored_columns) {
      load<scored_states>(of_states, states, first_state_, states_, from);
      load<scored_items>(of_items, head.table, first_item_, end_, from);
      __syncthreads();
      const auto add_products = [&](int k) {
        A of_state[of_thread], of_item[of_thread];
        for (int half = 0; half < 2; ++half) {
          read_four(of_state + 4 * half, of_states[k].values + state_in_tile(4 * half));
          read_four(of_item + 4 * half, of_items[k].values + item_in_tile(4 * half));
        }
        for (int i = 0; i < of_thread; ++i)
          for (int j = 0; j < of_thread; ++j) sums_[i][j] = std::fma(of_state[i], of_item[j], sums_[i][j]);
      };
      if (const index_t left_over = width - from; left_over >= scored_columns)
        for (int k = 0; k < scored_columns; ++k) add_products(k);  // a number that the compiler knows, to unroll
      else
        for (int k = 0; k < left_over; ++k) add_products(k);
      __syncthreads();
    }
    if (!head.bias) return;
    for (int j = 0; j < of_thread; ++j) {
      const S bias = is_item(j) ? head.bias(item(j)) : S{0};
      for (auto& of_state : sums_) of_state[j] = static_cast<A>(static_cast<S>(of_state[j]) + bias);
    }
  }

  /// Where this thread's states and items lie in the tile: four neighbours, and four more.
  __device__ static int state_in_tile(int i) { return i / 4 * (scored_states / 2) + thread() / 16 * 4 + i % 4; }
  __device__ static int item_in_tile(int j) { return j / 4 * (scored_items / 2) + thread() % 16 * 4 + j % 4; }
  /// Which they are; there may be no such ones at the ends.
  __device__ index_t state(int i) const { return first_state_ + state_in_tile(i); }
  __device__ index_t item(int j) const { return first_item_ + item_in_tile(j); }
  __device__ bool is_state(int i) const { return state(i) < states_; }
  __device__ bool is_item(int j) const { return item(j) < end_; }
  /// Whether there are all items of the tile.
  __device__ bool is_whole() const { return end_ - first_item_ >= scored_items; }
  /// The score of an item that there is.
  __device__ S score(int i, int j) const { return static_cast<S>(sums_[i][j]); }

 private:
  using A = accumulator_of<S>;
  template <int Rows>
  struct alignas(16) Column {
    S values[static_cast<std::size_t>(Rows) + 4];
  };

  __device__ static int thread() { return static_cast<int>(threadIdx.x); }

  /// Zeros where there are no rows; columns that there are not stay as they are.
  template <int Rows>
  __device__ static void load(Column<Rows>* columns, const MatrixView<const S, DeviceSpace>& matrix, index_t first,
                              index_t end, index_t from) {
    const int column = thread() % scored_columns;
    if (from + column >= matrix.columns()) return;
    const int rows = static_cast<int>(end - first < Rows ? end - first : Rows);
    const S* const value = matrix.row(first) + from + column;
    for (int row = thread() / scored_columns; row < Rows; row += scoring_threads / scored_columns)
      columns[column].values[row] = row < rows ? value[row * matrix.stride] : S{0};
  }

  __device__ static void read_four(A* to, const S* from) {
    if constexpr (std::is_same_v<S, float>) {
      const float4 four = *reinterpret_cast<const float4*>(from);
      to[0] = four.x, to[1] = four.y, to[2] = four.z, to[3] = four.w;
    } else {
      for (int i = 0; i < 4; ++i) to[i] = static_cast<A>(from[i]);
    }
  }

  index_t states_, end_, first_state_, first_item_;
  A sums_[of_thread][of_thread] = {};
};

/// A block per tile.
inline LaunchShape score_tiles(index_t states, index_t items) {
  return {dim3(blocks_for(items, scored_items), blocks_across("states to be scored", states, scored_states)),
          dim3(scoring_threads)};
}

/// The score of one item, by one thread.
template <class S>
__device__ S score_of_item(const ItemHead<BasicContext<S>>& head, const S* state, index_t item) {
  accumulator_of<S> sum = 0;
  const S* const vector = head.table.row(item);
  for (index_t column = 0; column < head.width(); ++column)
    sum = std::fma(static_cast<accumulator_of<S>>(state[column]), static_cast<accumulator_of<S>>(vector[column]), sum);
  const S product = static_cast<S>(sum);
  return head.bias ? product + head.bias(item) : product;
}

}  // namespace seqrec::cuda
