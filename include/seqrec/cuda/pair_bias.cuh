// SPDX-License-Identifier: Apache-2.0
// What is added to the scores of candidate attention under a softmax, by distance and by time, and its gradient.
//
// The gradient is sums of columns (column_sums.cuh): distances over candidates, buckets over pairs. Memory: by
// distance, each pair's gradient once; by time, a bucket of one byte and a gradient a pair, four times.
#pragma once

#include <cstdint>

#include "seqrec/cuda/column_sums.cuh"
#include "seqrec/cuda/pair_table.cuh"
#include "seqrec/ops/candidate_attention.hpp"

namespace seqrec::cuda {

/// Both biases; each null where there is none.
template <class S>
struct PairBias {
  MatrixView<const S, DeviceSpace> recency;           ///< (H, R)
  MatrixView<const S, DeviceSpace> decay;             ///< (H, time_buckets)
  VectorView<const std::int64_t, DeviceSpace> times;  ///< (N)

  /// Of a row for a candidate that sees `newest` last.
  __device__ S operator()(index_t head, index_t key, index_t newest) const {
    S sum = 0;
    if (recency) {
      const index_t distance = newest - key, furthest = recency.columns() - 1;
      sum += recency(head, distance < furthest ? distance : furthest);
    }
    if (decay) sum += decay(head, time_bucket(seconds_between(times(newest), times(key))));
    return sum;
  }
};

/// By candidate and distance: what drecency sums.
template <class S>
struct RecencyTerms {
  PairTable pairs;
  MatrixView<const S, DeviceSpace> dlogits;  ///< (pairs, H)
  index_t head, distances;

  __device__ accumulator_of<S> operator()(index_t c, index_t distance) const {
    const index_t end = pairs.first_pair(c + 1), seen = end - pairs.first_pair(c);
    accumulator_of<S> sum = distance < seen ? dlogits(end - 1 - distance, head) : S{0};
    if (distance == distances - 1)  // whatever is further back shares the last number
      for (index_t d = distances; d < seen; ++d) sum += dlogits(end - 1 - d, head);
    return sum;
  }
};

/// By pair and bucket: what ddecay sums.
template <class S>
struct DecayTerms {
  VectorView<const std::uint8_t, DeviceSpace> buckets;  ///< (pairs)
  MatrixView<const S, DeviceSpace> dlogits;             ///< (pairs, H)
  index_t head;

  __device__ accumulator_of<S> operator()(index_t pair, index_t bucket) const {
    return buckets(pair) == bucket ? dlogits(pair, head) : S{0};
  }
};

/// Adds the gradients of both, of those that are wanted.
template <class S>
void add_pair_bias_gradients(BasicContext<S>& context, const AttentionUnit<BasicContext<S>>& unit,
                             const PairTable& pairs, index_t candidates, MatrixView<const S, DeviceSpace> dlogits,
                             VectorView<const std::uint8_t, DeviceSpace> buckets) {
  using Row = master_vector_of<BasicContext<S>>;
  for (index_t head = 0; head < unit.heads(); ++head) {
    if (unit.drecency) {
      const index_t distances = unit.drecency.columns();
      add_column_sums(context, candidates, RecencyTerms<S>{pairs, dlogits, head, distances},
                      Row(unit.drecency.row(head), distances));
    }
    if (unit.ddecay)
      add_column_sums(context, dlogits.rows(), DecayTerms<S>{buckets, dlogits, head},
                      Row(unit.ddecay.row(head), time_buckets));
  }
}

}  // namespace seqrec::cuda
