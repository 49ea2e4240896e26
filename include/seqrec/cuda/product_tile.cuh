// SPDX-License-Identifier: Apache-2.0
// A tile of a matrix product whose operands are computed where they are loaded and whose result is finished in
// registers: what cuBLAS cannot do.
//
// One block per tile, four by four elements a thread, through shared memory. An element is summed in ascending order of
// inputs by fused multiply-adds whatever tile it lies in, so its bits depend on its row and column alone. Memory: each
// operand is read once per tile.
#pragma once

#include <cmath>
#include <cstddef>

#include "seqrec/core/types.hpp"
#include "seqrec/cuda/device.cuh"

namespace seqrec::cuda {

/// A block's tile of Rows by Columns elements. All threads of the block take part.
template <class S, int Rows, int Columns>
class ProductTile {
 public:
  using Accumulator = accumulator_of<S>;

  /// Rows and columns of a thread: eight loads from shared memory feed sixteen products.
  static constexpr int of_thread = 4;
  static constexpr int row_lanes = Rows / of_thread, column_lanes = Columns / of_thread;
  static constexpr int threads = row_lanes * column_lanes;
  /// Inputs of both operands that lie in shared memory at once: 8 KB of floats for 64 by 64, which does not limit how
  /// many blocks a multiprocessor holds.
  static constexpr int inputs_at_once = 16;

  /// sum(i, j) = left_i . right_j.
  /// @param left  left(input) gives a function from a row of the tile to its value there, which beyond the last row is
  ///              zero   @param right  the same for columns
  template <class Left, class Right>
  __device__ void multiply(index_t inputs, const Left& left, const Right& right) {
    // One more than rows: what a warp stores lies in different banks.
    __shared__ shared_array<S[static_cast<std::size_t>(Rows) + 1], inputs_at_once> of_rows;
    __shared__ shared_array<S[static_cast<std::size_t>(Columns) + 1], inputs_at_once> of_columns;
    const int loaded = thread() % inputs_at_once, first_loaded = thread() / inputs_at_once;
    for (index_t first = 0; first < inputs; first += inputs_at_once) {
      const bool is_input = first + loaded < inputs;
      const auto value_of_row = left(is_input ? first + loaded : 0);
      const auto value_of_column = right(is_input ? first + loaded : 0);
      for (int i = first_loaded; i < Rows; i += threads / inputs_at_once)
        of_rows[loaded][i] = is_input ? value_of_row(i) : S{0};
      for (int j = first_loaded; j < Columns; j += threads / inputs_at_once)
        of_columns[loaded][j] = is_input ? value_of_column(j) : S{0};
      __syncthreads();
      const auto add_products = [&](int k) {
        Accumulator right_values[of_thread];
        for (int j = 0; j < of_thread; ++j) right_values[j] = of_columns[k][column(j)];
        for (int i = 0; i < of_thread; ++i) {
          const Accumulator left_value = of_rows[k][row(i)];
          for (int j = 0; j < of_thread; ++j) sums_[i][j] = std::fma(left_value, right_values[j], sums_[i][j]);
        }
      };
      if (const index_t left_over = inputs - first; left_over >= inputs_at_once)
        for (int k = 0; k < inputs_at_once; ++k) add_products(k);  // a number that the compiler knows, to unroll
      else
        for (int k = 0; k < left_over; ++k) add_products(k);
      __syncthreads();
    }
  }

  /// Where this thread's elements lie in the tile.
  __device__ static int row(int i) { return thread() / column_lanes + i * row_lanes; }
  __device__ static int column(int j) { return thread() % column_lanes + j * column_lanes; }
  /// The element at row(i), column(j).
  __device__ Accumulator sum(int i, int j) const { return sums_[i][j]; }

 private:
  __device__ static int thread() { return static_cast<int>(threadIdx.x); }

  Accumulator sums_[of_thread][of_thread] = {};
};

}  // namespace seqrec::cuda
