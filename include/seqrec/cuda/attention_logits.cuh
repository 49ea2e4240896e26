// SPDX-License-Identifier: Apache-2.0
// What the kernels of self-attention share of its formulas: factors and biases.
#pragma once

#include <cmath>
#include <cstdint>

#include "seqrec/cuda/context.cuh"
#include "seqrec/ops/self_attention.hpp"

namespace seqrec::cuda {

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
  const index_t width = a.q.columns() / a.heads;
  return {static_cast<A>(silu ? 1.0 : 1.0 / std::sqrt(static_cast<double>(width))), static_cast<A>(1.0 / a.divisor),
          static_cast<A>(dropout.scale()), silu};
}

/// What is added to the logits of a history in a head. Rows count in the history.
template <class S>
struct AttentionBiases {
  using A = accumulator_of<S>;

  AttentionBias<BasicContext<S>> bias;
  index_t first, head;

  /// Whether there is anything to add.
  __device__ explicit operator bool() const { return bias.of_distance || bias.of_time; }
  /// The bucket of the time between two rows; 0 where times have no bias.
  __device__ index_t bucket(index_t row, index_t key) const {
    return bias.of_time ? time_bucket(seconds_between(bias.times(first + row), bias.times(first + key))) : 0;
  }
  __device__ A operator()(index_t row, index_t key, index_t bucket_of_time) const {
    A sum = 0;
    if (bias.of_distance) sum += static_cast<A>(bias.of_distance(head, row - key));
    if (bias.of_time) sum += static_cast<A>(bias.of_time(head, bucket_of_time));
    return sum;
  }
};

/// Elements of what softmax keeps of each row and head for backward: the highest logit, and what exp(logit - highest)
/// is to be multiplied by. (A log-sum-exp would be one number, and lose all digits of a weight where logits are large.)
inline constexpr index_t saved_of_row = 2;

}  // namespace seqrec::cuda
