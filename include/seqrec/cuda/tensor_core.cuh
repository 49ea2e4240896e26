// SPDX-License-Identifier: Apache-2.0
// Products of a warp on tensor cores: C (16, 8) += A (16, K) B (K, 8) (mma.sync of sm_80 and newer; PTX ISA, "Matrix
// Fragments for mma.m16n8k16", "... m16n8k8" and "... m8n8k4").
//
// MmaBf16 (K = 16) and MmaTf32 (K = 8) take rounded operands. MmaFloat (K = 8) is as exact as multiply-adds of floats,
// at three products of TF32; MmaDouble (K = 4) at two of half the rows. A kernel over any S takes MmaOf<accumulator>.
//
// The three matrices lie in registers, spread over the warp's lanes. Where, only this file knows: kernels give
// functions that read an element by its row and column, or, since a sum may take its terms in any order, two elements
// of neighbouring terms at once (..._pairs). All lanes take part in whatever is done here. The emulator's sums are
// exact and rounded once; hardware adds in an order, and with a rounding, of its own.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "seqrec/core/types.hpp"
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
template <class A = float>
struct MmaSums {
  A values[4] = {};

  __device__ static int row(int i) { return row_of(mma_lane(), i); }
  __device__ static int column(int i) { return column_of(mma_lane(), i); }
  /// Of another lane.
  SEQREC_HOST_DEVICE static int row_of(int lane, int i) { return lane / 4 + 8 * (i / 2); }
  SEQREC_HOST_DEVICE static int column_of(int lane, int i) { return 2 * (lane % 4) + i % 2; }
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
  /// @param at  at(row, term) of A and of the term behind it
  template <class At>
  __device__ void set_left_pairs(At at) {
    for (int i = 0; i < 4; ++i) {
      const auto pair = at(mma_group() + 8 * (i % 2), 2 * mma_member() + 8 * (i / 2));
      left[i] = bf16_pair(pair.values[0], pair.values[1]);
    }
  }
  /// @param at  at(term, column) of B and of the term behind it
  template <class At>
  __device__ void set_right_pairs(At at) {
    for (int i = 0; i < 2; ++i) {
      const auto pair = at(2 * mma_member() + 8 * i, mma_group());
      right[i] = bf16_pair(pair.values[0], pair.values[1]);
    }
  }
  /// C += A B.
  __device__ void multiply(MmaSums<>& sums) const {
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

namespace detail {

#ifdef __CUDACC__
__device__ inline std::uint32_t bits_of(float x) { return __float_as_uint(x); }
__device__ inline float float_of(std::uint32_t bits) { return __uint_as_float(bits); }
#else
inline std::uint32_t bits_of(float x) { return std::bit_cast<std::uint32_t>(x); }
inline float float_of(std::uint32_t bits) { return std::bit_cast<float>(bits); }
#endif

/// c += A B, in TF32.
__device__ inline void multiply_tf32(float (&c)[4], const std::uint32_t (&left)[4], const std::uint32_t (&right)[2]) {
#ifdef __CUDACC__
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(left[0]), "r"(left[1]), "r"(left[2]), "r"(left[3]), "r"(right[0]), "r"(right[1]));
#else
  emulator::multiply_tf32(c, left, right);
#endif
}

/// c += A B, in bf16, of eight terms (mma.m16n8k8): of rows g and g + 8 the terms 2 m and 2 m + 1, of column g the
/// same.
__device__ inline void multiply_bf16(float (&c)[4], const std::uint32_t (&left)[2], std::uint32_t right) {
#ifdef __CUDACC__
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(left[0]), "r"(left[1]), "r"(right));
#else
  emulator::multiply_bf16(c, left, right);
#endif
}

}  // namespace detail

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
  /// @param at  at(row, term) of A and of the term behind it
  template <class At>
  __device__ void set_left_pairs(At at) {
    for (int half = 0; half < 2; ++half) {
      const auto pair = at(mma_group() + 8 * half, 2 * mma_member());
      for (int i = 0; i < 2; ++i) left[half + 2 * i] = tf32_bits(pair.values[i]);
    }
  }
  /// @param at  at(term, column) of B and of the term behind it
  template <class At>
  __device__ void set_right_pairs(At at) {
    const auto pair = at(2 * mma_member(), mma_group());
    for (int i = 0; i < 2; ++i) right[i] = tf32_bits(pair.values[i]);
  }
  /// C += A B.
  __device__ void multiply(MmaSums<>& sums) const { detail::multiply_tf32(sums.values, left, right); }
};

/// Single precision, 8 terms a sum: each number as the sum of two of TF32, of which the second has what the first has
/// rounded away (Markidis et al. 2018, arXiv:1803.04014; Ootomo & Yokota 2022, arXiv:2203.03341). What is left out,
/// the product of both second parts and their own last bits, is below 2^-21 of |a| |b|. The sum of an infinity is NaN.
struct MmaFloat {
  static constexpr int terms = 8;

  /// A number in two parts.
  struct Parts {
    std::uint32_t first, second;
    __device__ explicit Parts(float x) {
      first = (detail::bits_of(x) + 0x1000u) & ~0x1FFFu;  // to the nearest, as cvt.rna does, at less cost
      second = detail::bits_of(x - detail::float_of(first));
    }
  };
  std::uint32_t left[4], left_rest[4], right[2], right_rest[2];

  /// @param at  at(row, term) of A
  template <class At>
  __device__ void set_left(At at) {
    for (int i = 0; i < 4; ++i) {
      const Parts parts(at(mma_group() + 8 * (i % 2), mma_member() + 4 * (i / 2)));
      left[i] = parts.first;
      left_rest[i] = parts.second;
    }
  }
  /// @param at  at(term, column) of B
  template <class At>
  __device__ void set_right(At at) {
    for (int i = 0; i < 2; ++i) {
      const Parts parts(at(mma_member() + 4 * i, mma_group()));
      right[i] = parts.first;
      right_rest[i] = parts.second;
    }
  }
  /// @param at  at(row, term) of A and of the term behind it
  template <class At>
  __device__ void set_left_pairs(At at) {
    for (int half = 0; half < 2; ++half) {
      const auto pair = at(mma_group() + 8 * half, 2 * mma_member());
      for (int i = 0; i < 2; ++i) {
        const Parts parts(pair.values[i]);
        left[half + 2 * i] = parts.first;
        left_rest[half + 2 * i] = parts.second;
      }
    }
  }
  /// @param at  at(term, column) of B and of the term behind it
  template <class At>
  __device__ void set_right_pairs(At at) {
    const auto pair = at(2 * mma_member(), mma_group());
    for (int i = 0; i < 2; ++i) {
      const Parts parts(pair.values[i]);
      right[i] = parts.first;
      right_rest[i] = parts.second;
    }
  }
  /// C += A B is three products, the smaller ones first.
  static constexpr int products = 3;
  __device__ void multiply(MmaSums<>& sums, int product) const {
    detail::multiply_tf32(sums.values, product == 0 ? left_rest : left, product == 1 ? right_rest : right);
  }
  /// C += A B.
  __device__ void multiply(MmaSums<>& sums) const {
    for (int product = 0; product < products; ++product) multiply(sums, product);
  }
};

/// Double precision, 4 terms a sum, of which a lane has one: no pairs.
struct MmaDouble {
  static constexpr int terms = 4;
  double left[2], right;

  /// @param at  at(row, term) of A
  template <class At>
  __device__ void set_left(At at) {
    for (int i = 0; i < 2; ++i) left[i] = at(mma_group() + 8 * i, mma_member());
  }
  /// @param at  at(term, column) of B
  template <class At>
  __device__ void set_right(At at) {
    right = at(mma_member(), mma_group());
  }
  /// C += A B.
  __device__ void multiply(MmaSums<double>& sums) const {
    double* const c = sums.values;
    for (int i = 0; i < 2; ++i) {
#ifdef __CUDACC__
      asm volatile("mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%0,%1}, {%2}, {%3}, {%0,%1};"
                   : "+d"(c[2 * i]), "+d"(c[2 * i + 1])
                   : "d"(left[i]), "d"(right));
#else
      emulator::multiply_double(c + 2 * i, left[i], right);
#endif
    }
  }
};

/// C_i += A_i B_i of several tiles in turn, product by product: a product that adds to what the one before it has added
/// to waits for that, so a tile at a time would leave the tensor cores idle.
template <std::size_t Tiles, class Mma, class A>
__device__ void multiply_in_turn(const Mma (&of)[Tiles], MmaSums<A>* sums) {
  if constexpr (requires { Mma::products; }) {
    for (int product = 0; product < Mma::products; ++product)
      for (std::size_t tile = 0; tile < Tiles; ++tile) of[tile].multiply(sums[tile], product);
  } else {
    for (std::size_t tile = 0; tile < Tiles; ++tile) of[tile].multiply(sums[tile]);
  }
}

/// Products whose sums are as exact as those of multiply-adds in `A`.
template <class A>
using MmaOf = std::conditional_t<std::is_same_v<A, double>, MmaDouble, MmaFloat>;

}  // namespace seqrec::cuda
