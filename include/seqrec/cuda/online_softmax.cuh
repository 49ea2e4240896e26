// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "seqrec/cuda/reduce.cuh"
#include "seqrec/cuda/tile.cuh"

namespace seqrec::cuda {

/// Combines what the eight threads with a row's 32 values hold; all of them get the result. (Eight neighbouring lanes:
/// any of the four such parts of a warp.)
template <class A, class Operation>
__device__ A reduce_row(const A (&values)[tile_share], Operation operation) {
  A result = operation(operation(operation(values[0], values[1]), values[2]), values[3]);
  for (int distance = tile_side / 2; distance > 0; distance /= 2)
    result = operation(result, __shfl_xor_sync(all_lanes, result, distance));
  return result;
}

/// The softmax of one row, of which 32 logits come at a time (Milakov & Gimelshein 2018, arXiv:1805.02867).
template <class A>
struct OnlineSoftmax {
  A highest = -infinity<A>;  ///< logit so far
  A sum = 0;                 ///< of exp(logit - highest) so far

  /// Logits become exp(logit - highest); those of minus infinity are left out, if need be all of them.
  /// @return what sums with earlier weights are to be multiplied by
  __device__ A take(A (&logits)[tile_share]) {
    const A top = Maximum{}(highest, reduce_row(logits, Maximum{}));
    const A base = top == -infinity<A> ? A{0} : top;
    const A factor = std::exp(highest - base);
    highest = top;
    for (A& logit : logits) logit = std::exp(logit - base);
    sum = multiply_add(sum, factor, reduce_row(logits, Plus{}));
    return factor;
  }
};

}  // namespace seqrec::cuda
