// SPDX-License-Identifier: Apache-2.0
// Products of a warp on tensor cores, sums in single precision: C (16, 8) += A (16, K) B (K, 8), with K = 16 in bf16
// and K = 8 in TF32 (mma.sync of sm_80 and newer; PTX ISA, "Matrix Fragments for mma.m16n8k16" and "... m16n8k8").
//
// The three matrices lie in registers, spread over the warp's lanes. Where, only this file knows: kernels give
// functions that read an element by its row and column. All lanes take part in whatever is done here. The emulator's
// sums are exact and rounded once; hardware adds in an order, and with a rounding, of its own.
#pragma once

#include <bit>
#include <cstdint>

#include "seqrec/cuda/device.cuh"

namespace seqrec::cuda {

/// Rows and columns of C.
inline constexpr int mma_rows = 16, mma_columns = 8;

/// This thread's lane, whatever the shape of its block.
__device__ inline int mma_lane() {
  return static_cast<int>((threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)) % warp_size);
}
/// Lanes are groups of four: a lane has rows `mma_group` and 8 below of A and C, and that column of B.
__device__ inline int mma_group() { return mma_lane() / 4; }
__device__ inline int mma_member() { return mma_lane() % 4; }

/// A lane's part of C.
struct MmaSums {
  float values[4] = {};

  __device__ static int row(int i) { return mma_group() + 8 * (i / 2); }
  __device__ static int column(int i) { return 2 * mma_member() + i % 2; }
};

/// Single precision as TF32: ten bits of mantissa, to the nearest, halves away from zero.
__device__ inline std::uint32_t tf32_bits(float x) {
#ifdef __CUDACC__
  std::uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
  return bits;
#else
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return (bits & 0x7F800000u) == 0x7F800000u ? bits : (bits + 0x1000u) & ~0x1FFFu;
#endif
}

/// Two numbers as bf16, to the nearest, halves to even: the first in the lower half.
__device__ inline std::uint32_t bf16_pair(float lower, float upper) {
#ifdef __CUDACC__
  std::uint32_t bits;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(upper), "f"(lower));
  return bits;
#else
  const auto rounded = [](float x) -> std::uint32_t {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    if (x != x) return 0x7FFFu;
    return (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
  };
  return rounded(lower) | rounded(upper) << 16;
#endif
}

/// bf16, 16 terms a sum.
struct MmaBf16 {
  static constexpr int terms = 16;
  std::uint32_t left[4], right[2];

  /// @param at  at(row, term) of A as float
  template <class At>
  __device__ void set_left(At at) {
    for (int i = 0; i < 4; ++i) {
      const int row = mma_group() + 8 * (i % 2), term = 2 * mma_member() + 8 * (i / 2);
      left[i] = bf16_pair(at(row, term), at(row, term + 1));
    }
  }
  /// @param at  at(term, column) of B
  template <class At>
  __device__ void set_right(At at) {
    for (int i = 0; i < 2; ++i) {
      const int term = 2 * mma_member() + 8 * i;
      right[i] = bf16_pair(at(term, mma_group()), at(term + 1, mma_group()));
    }
  }
  /// C += A B.
  __device__ void multiply(MmaSums& sums) const {
    float* const c = sums.values;
#ifdef __CUDACC__
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(left[0]), "r"(left[1]), "r"(left[2]), "r"(left[3]), "r"(right[0]), "r"(right[1]));
#else
    emulator::multiply_bf16(c, left, right);
#endif
  }
};

/// TF32, 8 terms a sum.
struct MmaTf32 {
  static constexpr int terms = 8;
  std::uint32_t left[4], right[2];

  /// @param at  at(row, term) of A as float
  template <class At>
  __device__ void set_left(At at) {
    for (int i = 0; i < 4; ++i) left[i] = tf32_bits(at(mma_group() + 8 * (i % 2), mma_member() + 4 * (i / 2)));
  }
  /// @param at  at(term, column) of B
  template <class At>
  __device__ void set_right(At at) {
    for (int i = 0; i < 2; ++i) right[i] = tf32_bits(at(mma_member() + 4 * i, mma_group()));
  }
  /// C += A B.
  __device__ void multiply(MmaSums& sums) const {
    float* const c = sums.values;
#ifdef __CUDACC__
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(left[0]), "r"(left[1]), "r"(left[2]), "r"(left[3]), "r"(right[0]), "r"(right[1]));
#else
    emulator::multiply_tf32(c, left, right);
#endif
  }
};

}  // namespace seqrec::cuda
