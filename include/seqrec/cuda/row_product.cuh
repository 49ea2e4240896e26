// SPDX-License-Identifier: Apache-2.0
// Products of many rows with a weight matrix, on tensor cores, each element finished in registers: what becomes of the
// sum is the caller's.
//
// One block of eight warps per 64 rows and 64 columns of the result; a warp has 16 of the rows and 32 of the columns.
// Both operands go through shared memory by asynchronous copies, sector by sector: what is a sector of 32 bytes in
// memory is one there, or it is read twice. An element is summed in an order that depends on the number of terms alone:
// a row of the result depends on its row of the left operand, to the last bit, and on no other. Memory: the left
// operand once for every 64 columns, the right one once for every 64 rows (from the second-level cache).
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "seqrec/core/tensor.hpp"
#include "seqrec/cuda/async_copy.cuh"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/launch.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/cuda/tensor_core.cuh"

namespace seqrec::cuda {

/// Rows and columns of a block's part of the result.
inline constexpr int product_rows = 64, product_columns = 64;
/// Columns, and tiles of eight of them, of a warp.
inline constexpr int product_warp_columns = 32, product_tiles = product_warp_columns / mma_columns;
/// Warps along a part's rows, and threads of a block.
inline constexpr int product_row_warps = product_rows / mma_rows;
inline constexpr int product_threads = product_row_warps * (product_columns / product_warp_columns) * warp_size;

/// Blocks that a multiprocessor is to hold: while one waits for its operands, others multiply.
inline constexpr int product_blocks = 3;

/// The first of a warp's rows, and of its columns, in the block's part.
__device__ inline int product_warp_row() {
  return static_cast<int>(threadIdx.x) / warp_size % product_row_warps * mma_rows;
}
__device__ inline int product_warp_column() {
  return static_cast<int>(threadIdx.x) / warp_size / product_row_warps * product_warp_columns;
}

/// What the rows of the right operand are: the result's columns, as those of a weight in x weight', or the sum's terms.
enum class RightRows { columns, terms };

/// Where a tile's rows stand.
struct InOrder {
  __device__ static int place(int row) { return row; }
};
/// Of each eight the even ones first: lanes that read the first, or the second, of two neighbouring rows do so from
/// different banks.
struct EvensFirst {
  __device__ static int place(int row) { return row / 8 * 8 + row % 8 / 2 + row % 2 * 4; }
};

/// Begins to copy Rows by Columns elements, from (row, column) on, into shared memory; zeros behind the matrix's end
/// and from row `end` on. All of a block's `Threads` threads take part; the caller commits the copies and waits.
template <int Rows, int Columns, int Stride, int Threads, class Order = InOrder, class T>
__device__ void copy_tile(T* tile, const MatrixView<const T, DeviceSpace>& matrix, index_t row, index_t end,
                          index_t column, int alignment) {
  const auto copy = [&]<int Bytes>() {
    constexpr int numbers = Bytes / static_cast<int>(sizeof(T)), of_row = Columns / numbers,
                  rows_at_once = Threads / of_row;
    static_assert(Threads % of_row == 0 && Rows % rows_at_once == 0);
    const int r = static_cast<int>(threadIdx.x) / of_row, c = static_cast<int>(threadIdx.x) % of_row * numbers;
    const bool has_column = c < matrix.columns() - column;
    const int rows = end - row < Rows ? static_cast<int>(end - row) : Rows;
    const T* from = matrix.data + (row + r) * matrix.stride + column + c;
    const index_t step = rows_at_once * matrix.stride;
    SEQREC_CUDA_UNROLL
    for (int i = 0; i < Rows; i += rows_at_once, from += step) {
      const bool exists = has_column && r + i < rows;
      const int place = rows_at_once % 8 == 0 ? Order::place(r) + i : Order::place(r + i);  // the same
      copy_async<Bytes>(tile + place * Stride + c, exists ? from : matrix.data, exists ? Bytes : 0);
    }
  };
  if (alignment == 16)
    copy.template operator()<16>();
  else if (alignment == 8)
    copy.template operator()<8>();
  else
    copy.template operator()<sizeof(T)>();
}

/// How many of a block's columns there are.
__device__ inline int product_columns_of(index_t columns_left) {
  return columns_left < product_columns ? static_cast<int>(columns_left) : product_columns;
}

/// Two neighbouring elements, as a lane has them of a result.
template <class S>
struct alignas(2 * sizeof(S)) Pair {
  S values[2];
};
/// Whether pairs of a matrix's elements from even columns on may be read and written at once.
template <class S>
bool is_in_pairs(const MatrixView<S, DeviceSpace>& matrix) {
  return static_cast<std::size_t>(row_alignment(matrix)) >= 2 * sizeof(S);
}
/// @param left  how many elements there are from here to the row's end
template <class S>
__device__ Pair<S> load_pair(const S* from, int left, bool in_pairs) {
  if (in_pairs && left > 1) return *reinterpret_cast<const Pair<S>*>(from);
  return {left > 0 ? from[0] : S{0}, left > 1 ? from[1] : S{0}};
}
template <class S>
__device__ void store_pair(S* to, const Pair<S>& pair, int left, bool in_pairs) {
  if (in_pairs && left > 1) {
#ifdef __CUDACC__
    // A compiler that sees the same two stores here and below makes them one by one in both places.
    if constexpr (std::is_same_v<S, float>)
      asm volatile("st.global.v2.f32 [%0], {%1, %2};" ::"l"(__cvta_generic_to_global(to)), "f"(pair.values[0]),
                   "f"(pair.values[1])
                   : "memory");
    else
#endif
      *reinterpret_cast<Pair<S>*>(to) = pair;
    return;
  }
  for (int i = 0; i < 2 && i < left; ++i) to[i] = pair.values[i];
}

/// One instruction's terms of all the warp's elements, added to its sums.
/// @param left   left(row, term) of the warp's mma_rows   @param right  right(term, column) of its product_warp_columns
/// @tparam in_pairs  both give the next term too, in `values`
template <class Mma, bool in_pairs = false, class A, class Left, class Right>
__device__ void multiply_warp_tiles(MmaSums<A> (&sums)[product_tiles], Left left, Right right) {
  Mma mma[product_tiles];
  if constexpr (in_pairs)
    mma[0].set_left_pairs(left);
  else
    mma[0].set_left(left);
  for (int tile = 0; tile < product_tiles; ++tile) {
    if (tile != 0) mma[tile] = mma[0];
    const auto of_tile = [&](int term, int column) { return right(term, tile * mma_columns + column); };
    if constexpr (in_pairs)
      mma[tile].set_right_pairs(of_tile);
    else
      mma[tile].set_right(of_tile);
  }
  multiply_in_turn(mma, sums);
}

/// A block's part of left (N, K) right, in the lanes' registers.
template <class S, class Mma, RightRows right_rows>
class RowProduct {
 public:
  using A = accumulator_of<S>;

  /// Terms that lie in shared memory at once: all of them, in a model 64 wide.
  static constexpr int terms = sizeof(S) == sizeof(double) ? 32 : 64;
  /// Whether a lane reads two neighbouring terms at once: rows then begin at whole sectors, without meeting in a bank.
  static constexpr bool reads_pairs = !std::is_same_v<S, double>;
  static constexpr int left_stride = terms + (reads_pairs ? 8 : 4);
  static constexpr int right_stride = right_rows == RightRows::columns ? left_stride : product_columns + 8;
  using RightOrder = std::conditional_t<reads_pairs && right_rows == RightRows::terms, EvensFirst, InOrder>;

  /// What is multiplied, and how many bytes of it are copied at a time.
  struct Operands {
    MatrixView<const S, DeviceSpace> left, right;
    int left_alignment, right_alignment;

    Operands(const MatrixView<const S, DeviceSpace>& left_, const MatrixView<const S, DeviceSpace>& right_)
        : left(left_), right(right_), left_alignment(row_alignment(left_)), right_alignment(row_alignment(right_)) {}
  };

  /// What a block needs of shared memory.
  static constexpr int rows_of_right = right_rows == RightRows::columns ? product_columns : terms;
  static constexpr int columns_of_right = right_rows == RightRows::columns ? terms : product_columns;
  static constexpr std::size_t shared_bytes =
      static_cast<std::size_t>(product_rows * left_stride + rows_of_right * right_stride) * sizeof(S);

  /// @param row, column  of the result, the first of the block's   @param shared  shared_bytes, at a multiple of 16
  __device__ void multiply(const Operands& of, index_t row, index_t column, S* shared) {
    S *const left_tile = shared, *const right_tile = shared + product_rows * left_stride;
    const index_t all = of.left.columns(), right_rows_end = of.right.rows();
    const index_t columns = right_rows == RightRows::columns ? of.right.rows() : of.right.columns();
    // A warp behind the last row or column leaves the tensor cores to others.
    const bool works = row + product_warp_row() < of.left.rows() && column + product_warp_column() < columns;
    for (index_t first = 0; first < all; first += terms) {
      copy_tile<product_rows, terms, left_stride, product_threads>(left_tile, of.left, row, of.left.rows(), first,
                                                                   of.left_alignment);
      copy_tile<rows_of_right, columns_of_right, right_stride, product_threads, RightOrder>(
          right_tile, of.right, right_rows == RightRows::columns ? column : first, right_rows_end,
          right_rows == RightRows::columns ? first : column, of.right_alignment);
      commit_copies();
      wait_for_copies<0>();
      __syncthreads();
      const index_t left_over = all - first;
      if (works) add_terms(left_tile, right_tile, left_over < terms ? static_cast<int>(left_over) : terms);
      __syncthreads();  // before the next terms are copied
    }
  }

  /// Calls action(sums, half, tile) for the lane's pairs of neighbouring sums: those at row_in_block(half), and
  /// column_in_block(tile) and the next.
  template <class Action>
  __device__ void for_pairs(Action action) {
    SEQREC_CUDA_UNROLL
    for (int half = 0; half < 2; ++half) {
      SEQREC_CUDA_UNROLL
      for (int tile = 0; tile < product_tiles; ++tile) action(sums_[tile].values + 2 * half, half, tile);
    }
  }
  /// The lane's two rows in the block.
  __device__ static int row_in_block(int half) { return product_warp_row() + MmaSums<A>::row(2 * half); }
  /// The first of its two columns in a tile.
  __device__ static int column_in_block(int tile) {
    return product_warp_column() + tile * mma_columns + MmaSums<A>::column(0);
  }

 private:
  /// The hardware rounds each sum of eight terms towards zero: of K terms a float's sum is below what it should be by
  /// at most K 2^-24 of the sum of sizes, and not by so little as a sum that is rounded to the nearest.
  __device__ void add_terms(const S* left, const S* right, int count) {
    const S* const rows = left + product_warp_row() * left_stride;
    const S* const columns = right + product_warp_column() * (right_rows == RightRows::columns ? right_stride : 1);
    SEQREC_CUDA_UNROLL
    for (int from = 0; from < terms; from += Mma::terms) {
      if (from >= count) break;
      if constexpr (reads_pairs)
        multiply_warp_tiles<Mma, true>(
            sums_, [&](int r, int term) { return pair_at(rows + r * left_stride + from + term); },
            [&](int term, int c) {
              if constexpr (right_rows == RightRows::columns) return pair_at(columns + c * right_stride + from + term);
              const S* const at = columns + (from + RightOrder::place(term)) * right_stride + c;
              return Pair<S>{at[0], at[(RightOrder::place(1) - RightOrder::place(0)) * right_stride]};
            });
      else
        multiply_warp_tiles<Mma>(
            sums_, [&](int r, int term) { return rows[r * left_stride + from + term]; },
            [&](int term, int c) {
              if constexpr (right_rows == RightRows::columns) return columns[c * right_stride + from + term];
              return columns[(from + term) * right_stride + c];
            });
    }
  }
  __device__ static Pair<S> pair_at(const S* from) { return *reinterpret_cast<const Pair<S>*>(from); }

  MmaSums<A> sums_[product_tiles];
};

/// Blocks of a result: one for every part, those of the same columns beside each other.
struct ProductBlocks {
  unsigned of_rows, of_columns;

  ProductBlocks(index_t rows, index_t columns)
      : of_rows(blocks_for(rows, product_rows)), of_columns(blocks_for(columns, product_columns)) {}

  SEQREC_HOST_DEVICE index_t count() const { return index_t{of_rows} * of_columns; }
  SEQREC_HOST_DEVICE index_t row(unsigned block) const { return index_t{block % of_rows} * product_rows; }
  SEQREC_HOST_DEVICE index_t column(unsigned block) const { return index_t{block / of_rows} * product_columns; }
};

}  // namespace seqrec::cuda
