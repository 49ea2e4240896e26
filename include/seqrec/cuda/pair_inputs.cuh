// SPDX-License-Identifier: Apache-2.0
// What the network of candidate attention multiplies: the products q * k of pairs. Several elements are read at once
// where addresses and rows are multiples of them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "seqrec/cuda/pair_table.cuh"
#include "seqrec/cuda/tensor_core.cuh"
#include "seqrec/cuda/warp_product.cuh"

namespace seqrec::cuda {

/// Count elements that lie at a multiple of their size: one load or store.
template <class S, int Count>
struct alignas(static_cast<std::size_t>(Count) * sizeof(S)) Packed {
  S values[static_cast<std::size_t>(Count)];
};

/// Whether elements from there on, and in rows `stride` apart, are `Count` of them to a packed one.
template <int Count, class S>
bool is_packed(const S* data, index_t stride) {
  return reinterpret_cast<std::uintptr_t>(data) % alignof(Packed<S, Count>) == 0 && stride % Count == 0;
}

/// Adds what lies at `from` to two sums, or to as many as are left.   @param is_packed  so that two can be read at once
template <class S, class A>
__device__ void add_two(A* sums, const S* from, int left, bool is_packed) {
  if (is_packed && left >= 2) {
    const auto two = *reinterpret_cast<const Packed<S, 2>*>(from);
    sums[0] += two.values[0];
    sums[1] += two.values[1];
    return;
  }
  if (left > 0) sums[0] += from[0];
  if (left > 1) sums[1] += from[1];
}
/// Writes two values, or as many as are left, in the same way.
template <class S>
__device__ void write_two(const Packed<S, 2>& two, S* to, int left, bool is_packed) {
  if (is_packed && left >= 2) {
    *reinterpret_cast<Packed<S, 2>*>(to) = two;
    return;
  }
  if (left > 0) to[0] = two.values[0];
  if (left > 1) to[1] = two.values[1];
}

/// Whether what could be made once a key is made once a pair instead, by kernels that have the key at hand anyway: it
/// is less than another pass over all keys where there are few pairs a key.
inline bool makes_by_pairs(index_t pairs, index_t keys) { return pairs <= 2 * keys; }

/// Keys and queries of pairs.
template <class S>
struct PairInputs {
  /// Elements that a lane reads at once: 16 bytes.
  static constexpr int at_once = 16 / static_cast<int>(sizeof(S));
  using Some = Packed<S, at_once>;
  /// Of those, how many a lane has under way: rows of 64 floats.
  static constexpr int together = 4;

  PairTable pairs;
  MatrixView<const S, DeviceSpace> keys, queries;  ///< (N, D), (C, D)
  bool are_packed = false;

  PairInputs(const PairTable& of_pairs, MatrixView<const S, DeviceSpace> of_keys,
             MatrixView<const S, DeviceSpace> of_queries)
      : pairs(of_pairs), keys(of_keys), queries(of_queries) {
    are_packed = keys.columns() % at_once == 0 && is_packed<at_once>(keys.data, keys.stride) &&
                 is_packed<at_once>(queries.data, queries.stride);
  }

  /// Writes q * k, and zeros up to whole tiles; the four lanes of a tensor core's row share the work.
  __device__ void write_products(index_t pair, S* to) const {
    write(pair, to, [](S q, S k) { return q * k; });
  }
  /// Writes k in the same way.
  __device__ void write_keys(index_t pair, S* to) const {
    write(pair, to, [](S, S k) { return k; });
  }

 private:
  template <class Function>
  __device__ void write(index_t pair, S* to, Function function) const {
    const S* const q = queries.row(pairs.candidate(pair));
    const S* const k = keys.row(pairs.key(pair));
    const int width = static_cast<int>(keys.columns()), end = whole_tiles(width);
    int column = 0;
    if (are_packed) {
      for (; column < width; column += together * 4 * at_once) {
        // All loads before the first store, which might change what is loaded for all that a compiler knows.
        Some of_q[together], of_k[together];
        SEQREC_CUDA_UNROLL
        for (int i = 0; i < together; ++i)
          if (const int at = column + at_once * (mma_member() + 4 * i); at < width) {
            of_q[i] = *reinterpret_cast<const Some*>(q + at);
            of_k[i] = *reinterpret_cast<const Some*>(k + at);
          }
        SEQREC_CUDA_UNROLL
        for (int i = 0; i < together; ++i)
          if (const int at = column + at_once * (mma_member() + 4 * i); at < width) {
            Some values;
            for (int j = 0; j < at_once; ++j) values.values[j] = function(of_q[i].values[j], of_k[i].values[j]);
            *reinterpret_cast<Some*>(to + at) = values;
          }
      }
      column = width;
    }
    for (column += mma_member(); column < end; column += 4)
      to[column] = column < width ? function(q[column], k[column]) : S{0};
  }
};

}  // namespace seqrec::cuda
