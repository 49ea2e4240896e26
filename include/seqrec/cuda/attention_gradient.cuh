// SPDX-License-Identifier: Apache-2.0
// What both halves of attention's backward pass share: the tiles that pass by a block, in pairs, and how products
// become weights and gradients of logits.
//
// For rows of queries a block holds q and dy, and k and v pass by; for keys it holds k and v, and q and dy pass by.
// Either way the products of the first matrices are scores, those of the second gradients of weights, and what becomes
// of them is a factor of products with the passing rows.
#pragma once

#include "seqrec/cuda/attention_block.cuh"

namespace seqrec::cuda {

/// Blocks that a multiprocessor is to hold at least: as many as there are registers for.
template <int Bytes, bool InParts>
inline constexpr int attention_gradient_blocks = Bytes == 16 && !InParts ? 3 : 2;

/// A block's 64 rows of two matrices, and two tiles of 32 passing rows of two others in shared memory: the one that is
/// read, and the one that arrives.
/// @tparam Terms  of products; see mma_terms.cuh   @tparam Begin, End  the parts of a tile of which any is seen where
/// not all of it is
template <class Terms, int Width, int Bytes, bool InParts, int Begin, int End, class S>
class AttentionGradientTiles {
 public:
  using A = accumulator_of<S>;
  using Rows = TiledRows<S>;
  static constexpr int elements = (2 * attention_rows + 4 * passing_rows) * Width;

  /// @param held    the history's rows of the two matrices of which the block holds 64, from `start` on
  /// @param passes  those of the two that pass by   @param column  the first of those that the block makes
  __device__ AttentionGradientTiles(A* shared, const Rows (&held)[2], const Rows (&passes)[2], int start, int column)
      : shared_(shared), held_{held[0], held[1]}, passes_{passes[0], passes[1]}, start_(start), column_(column) {}

  /// The tile of passing rows of a matrix that was last multiplied.
  __device__ const A* passing(int matrix) const { return tile(stage_, matrix); }

  /// Begins with the passing rows from `row` on.   @param with  with(row) begins to copy what else belongs to rows
  template <class With>
  __device__ void begin(int row, With with) {
    if constexpr (!InParts) {
      load_held(0);
      load_passing(0, row, 0);
    }
    with(row);
    commit_copies();
  }

  /// Adds products of the 16 held rows from `row_in_block` on with the passing rows from `row` on.
  /// @param next  the passing rows to come, or -1   @param seen, all  whether any of them is seen, and of which parts
  template <class With>
  __device__ void multiply(WarpScores<A>& scores, WarpScores<A>& gradients, int row_in_block, int row, int next,
                           bool seen, bool all, With with) {
    const A* const first = shared_ + row_in_block * Width;
    const A* const second = first + attention_rows * Width;
    if (!InParts) stage_ ^= 1;
    for (int column = 0; column < held_[0].columns; column += Width) {
      if constexpr (InParts) {
        __syncthreads();  // the products before may still be reading
        load_held(column);
        load_passing(0, row, column);
        commit_copies();
      }
      wait_for_copies<0>();
      __syncthreads();  // all copies have arrived, and nobody reads the other tiles any more
      if (column == 0 && next >= 0) {
        if constexpr (!InParts) load_passing(stage_ ^ 1, next, 0);
        with(next);
      }
      commit_copies();
      if (!seen) continue;
      if (all) {
        multiply_rows<Terms, Width>(scores, first, tile(stage_, 0));
        multiply_rows<Terms, Width>(gradients, second, tile(stage_, 1));
      } else {
        multiply_rows<Terms, Width, Begin, End>(scores, first, tile(stage_, 0));
        multiply_rows<Terms, Width, Begin, End>(gradients, second, tile(stage_, 1));
      }
    }
    if constexpr (InParts) {
      __syncthreads();
      load_passing(0, row, column_);
      commit_copies();
      wait_for_copies<0>();
      __syncthreads();
    }
  }

 private:
  __device__ A* tile(int stage, int matrix) const {
    return shared_ + 2 * attention_rows * Width + (2 * stage + matrix) * passing_rows * Width;
  }
  __device__ void load_held(int column) {
    for (int i = 0; i < 2; ++i)
      copy_tile<Width, attention_rows, attention_threads, Bytes>(shared_ + i * attention_rows * Width, held_[i], start_,
                                                                 column);
  }
  __device__ void load_passing(int stage, int row, int column) {
    copy_tile<Width, passing_rows, attention_threads, Bytes>(tile(stage, 0), passes_[0], row, column);
    copy_tile<Width, passing_rows, attention_threads, Bytes>(tile(stage, 1), passes_[1], row, column);
  }

  A* shared_;
  Rows held_[2], passes_[2];
  int start_;
  int column_;
  int stage_ = InParts ? 0 : 1;
};

/// What the kernels know of a row whose weights they make again.
template <class A>
struct AttentionRow {
  A highest;  ///< logit
  A share;    ///< of exp(logit - highest)
  A mean;     ///< of the gradients of its weights
};

/// Logits become weights under dropout, the gradients of weights those of the logits; both are 0 where none is seen.
/// @param kept  as kept_weights says   @param row_of, meeting  of element i of part n
template <class A, class RowOf, class MeetingOf>
__device__ void differentiate(WarpScores<A>& weights, WarpScores<A>& gradients, const AttentionFactors<A>& factors,
                              unsigned kept, RowOf row_of, MeetingOf meeting) {
  if (factors.silu) {
    for_each_score(weights, [&](A& weight, int n, int i) {
      const Silu<A> silu(weight);
      const A factor = meeting(n, i).seen && (kept >> (4 * n + i) & 1u) ? factors.share * factors.kept : A{0};
      weight = silu.value * factor;
      gradients[n].values[i] *= silu.slope * factor;
    });
  } else {
    for_each_score(weights, [&](A& weight, int n, int i) {
      const AttentionRow<A> row = row_of(n, i);
      const A factor = kept >> (4 * n + i) & 1u ? factors.kept : A{0};
      const A probability = meeting(n, i).seen ? weight_exp(weight - row.highest) * row.share : A{0};
      weight = probability * factor;
      gradients[n].values[i] = probability * (gradients[n].values[i] * factor - row.mean);
    });
  }
}

/// Leaves a warp's sums, times `factor`, where a gradient wants them.
/// @param row  the warp's first, in the history
template <int Width, bool InFours, class S, class A>
__device__ void leave_attention_gradient(const Gradient<BasicContext<S>>& gradient, const AttentionBlock& at, int row,
                                         const WarpSums<A, Width>& sums, A factor) {
  if (!gradient) return;
  const MatrixView<S, DeviceSpace> of_head = at.part(gradient.view);
  // Sums lie in registers.
  SEQREC_CUDA_UNROLL
  for (int i = 0; i < 4; ++i) {
    if (row + MmaSums<A>::row(i) >= at.length) continue;
    for (int block = 0; block < Width / passing_rows; ++block) {
      Four<A> four;
      for (int e = 0; e < 4; ++e) four.of[e] = sums[4 * block + e].values[i] * factor;
      leave_four<InFours>(of_head, row + MmaSums<A>::row(i), at.column + output_column(block, i), four,
                          gradient.adds());
    }
  }
}

}  // namespace seqrec::cuda
