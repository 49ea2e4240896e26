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

/// Writes two values, or as many as are left.   @param is_packed  so that two can be written at once
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

  /// Writes q * k of some pairs, and zeros up to whole tiles; the four lanes of a tensor core's row share the work.
  /// @param keys_at  where k goes in the same way, behind q * k; 0 for nowhere
  template <std::size_t Count>
  __device__ void write_products(const index_t (&of)[Count], S* const (&to)[Count], int keys_at) const {
    constexpr int count = static_cast<int>(Count);
    const S *q[Count], *k[Count];
    SEQREC_CUDA_UNROLL
    for (int pair = 0; pair < count; ++pair) {
      q[pair] = queries.row(pairs.candidate(of[pair]));
      k[pair] = keys.row(pairs.key(of[pair]));
    }
    const int width = static_cast<int>(keys.columns()), end = whole_tiles(width);
    int column = 0;
    if (are_packed) {
      for (; column < width; column += together * 4 * at_once) {
        // All loads before the first store, which might change what is loaded for all that a compiler knows.
        Some of_q[Count][together], of_k[Count][together];
        const auto for_each = [&](auto action) {
          SEQREC_CUDA_UNROLL
          for (int pair = 0; pair < count; ++pair) SEQREC_CUDA_UNROLL
          for (int i = 0; i < together; ++i) action(pair, i, column + at_once * (mma_member() + 4 * i));
        };
        for_each([&](int pair, int i, int at) {
          // Always: registers that a load may leave as they are hold what was there before, through all of a network.
          const int read = at < width ? at : 0;
          of_q[pair][i] = *reinterpret_cast<const Some*>(q[pair] + read);
          of_k[pair][i] = *reinterpret_cast<const Some*>(k[pair] + read);
        });
        for_each([&](int pair, int i, int at) {
          if (at >= width) return;
          Some product;
          for (int j = 0; j < at_once; ++j) product.values[j] = of_q[pair][i].values[j] * of_k[pair][i].values[j];
          *reinterpret_cast<Some*>(to[pair] + at) = product;
          if (keys_at > 0) *reinterpret_cast<Some*>(to[pair] + keys_at + at) = of_k[pair][i];
        });
      }
      column = width;
    }
    for (column += mma_member(); column < end; column += 4)
      for (int pair = 0; pair < count; ++pair) {
        const S key = column < width ? k[pair][column] : S{0};
        to[pair][column] = column < width ? q[pair][column] * key : S{0};
        if (keys_at > 0) to[pair][keys_at + column] = key;
      }
  }
};

}  // namespace seqrec::cuda
