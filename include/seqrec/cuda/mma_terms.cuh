// SPDX-License-Identifier: Apache-2.0
// Factors of products of tiles, eight terms at a time, as a warp's lanes give them to tensor cores: taken apart, or
// rounded, once for many products. For kernels that keep one factor in registers, or make it there (attention, the loss
// over the catalogue), or read it for several tiles (candidate attention's network). A lane has the elements that the
// fragments of mma.m16n8k8 in TF32 want:
//
//     of the left factor (16 rows, 8 terms)     (g, m), (g + 8, m), (g, m + 4), (g + 8, m + 4)
//     of the right one (8 terms, 8 columns)     (m, g), (m + 4, g)          g: mma_group(), m: mma_member()
//
// A sum may take its terms in any order, so Bf16Terms, whose fragments want neighbouring terms, and DoubleTerms, which
// take four at a time, multiply the same elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "seqrec/cuda/tensor_core.cuh"

namespace seqrec::cuda {

/// What becomes of the first part of a number of the right factor, where it is taken apart (MmaFloat). The left one's
/// are rounded; so one factor may be cut off at no loss: what is left out stays below 2^-21 of |a| |b|.
enum class FirstPart {
  rounded,  ///< to the nearest
  cut,      ///< towards zero: cheaper
  as_it_is  ///< the number itself, of which tensor cores see no more: where both have been read from one place
};

/// As exact as multiply-adds of floats: three products of TF32 (MmaFloat).
struct FloatTerms {
  using Sum = float;
  static constexpr int passes = 3;
  /// Two terms of row `mma_group`, and two of the one 8 below.
  struct Left {
    std::uint32_t first[4], rest[4];
    Left() = default;
    __device__ Left(float upper0, float upper1, float lower0, float lower1) {
      const float of[4] = {upper0, lower0, upper1, lower1};
      for (int i = 0; i < 4; ++i) {
        const MmaFloat::Parts parts(of[i]);
        first[i] = parts.first;
        rest[i] = parts.second;
      }
    }
  };
  /// Two terms of a column.
  struct Right {
    std::uint32_t first[2], rest[2];
    Right() = default;
    __device__ Right(float term0, float term1, FirstPart part) {
      const float of[2] = {term0, term1};
      for (int i = 0; i < 2; ++i) {
        const std::uint32_t bits = detail::bits_of(of[i]), cut = bits & ~0x1FFFu;
        if (part == FirstPart::rounded) {
          const MmaFloat::Parts parts(of[i]);
          first[i] = parts.first;
          rest[i] = parts.second;
        } else {
          first[i] = part == FirstPart::cut ? cut : bits;
          rest[i] = detail::bits_of(of[i] - detail::float_of(cut));
        }
      }
    }
  };
  /// One of the instructions that sums += left right is made of, the smaller products first.
  template <int Pass>
  __device__ static void multiply(MmaSums<float>& sums, const Left& left, const Right& right) {
    detail::multiply_tf32(sums.values, Pass == 0 ? left.rest : left.first, Pass == 1 ? right.rest : right.first);
  }
};

/// Rounded to bf16, and added up in float: one product, of half the registers.
struct Bf16Terms {
  using Sum = float;
  static constexpr int passes = 1;
  /// Two terms of row `mma_group`, and two of the one 8 below.
  struct Left {
    std::uint32_t pairs[2];
    Left() = default;
    __device__ Left(float upper0, float upper1, float lower0, float lower1)
        : pairs{bf16_pair(upper0, upper1), bf16_pair(lower0, lower1)} {}
  };
  /// Two terms of a column.
  struct Right {
    std::uint32_t pair;
    Right() = default;
    __device__ Right(float term0, float term1, FirstPart) : pair(bf16_pair(term0, term1)) {}
  };
  template <int Pass>
  __device__ static void multiply(MmaSums<float>& sums, const Left& left, const Right& right) {
    detail::multiply_bf16(sums.values, left.pairs, right.pair);
  }
};

/// As MmaDouble takes them: two products.
struct DoubleTerms {
  using Sum = double;
  static constexpr int passes = 2;
  /// Two terms of row `mma_group`, and two of the one 8 below.
  struct Left {
    double of[2][2];
    Left() = default;
    __device__ Left(double upper0, double upper1, double lower0, double lower1)
        : of{{upper0, lower0}, {upper1, lower1}} {}
  };
  /// Two terms of a column.
  struct Right {
    double of[2];
    Right() = default;
    __device__ Right(double term0, double term1, FirstPart) : of{term0, term1} {}
  };
  template <int Pass>
  __device__ static void multiply(MmaSums<double>& sums, const Left& left, const Right& right) {
    MmaDouble mma;
    for (int i = 0; i < 2; ++i) mma.left[i] = left.of[Pass][i];
    mma.right = right.of[Pass];
    mma.multiply(sums);
  }
};

/// Those whose products are as exact as multiply-adds in `A`.
template <class A>
using ExactTerms = std::conditional_t<std::is_same_v<A, double>, DoubleTerms, FloatTerms>;

/// sums[n] += left right[n]. Sums that wait for nothing of each other follow each other.
template <class Terms, int Pass = 0, std::size_t Count>
__device__ void multiply_by_each(MmaSums<typename Terms::Sum>* sums, const typename Terms::Left& left,
                                 const typename Terms::Right (&right)[Count]) {
  for (int n = 0; n < static_cast<int>(Count); ++n) Terms::template multiply<Pass>(sums[n], left, right[n]);
  if constexpr (Pass + 1 < Terms::passes) multiply_by_each<Terms, Pass + 1>(sums, left, right);
}

}  // namespace seqrec::cuda
