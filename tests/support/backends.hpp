// SPDX-License-Identifier: Apache-2.0
// The contexts over which tests are typed, and how exact each must be. Tests of ops that CUDA has too include
// support/all_backends.hpp.
#pragma once

#include "seqrec/cpu/context.hpp"

// Where the kernels are compiled once for all test programs, this says so.
#if defined(SEQREC_COMPILED)
#include "seqrec/cpu/instantiations.hpp"
#endif

namespace seqrec_test {

using CpuFloat = seqrec::cpu::BasicContext<float>;
using CpuDouble = seqrec::cpu::BasicContext<double>;

/// How far a result may be from the same formula in double, relative to the largest element of its tensor. Sums in
/// tests have some hundred terms of the order of 1.
template <class Scalar>
struct Tolerance;

template <>
struct Tolerance<float> {
  static constexpr double value = 4e-6;
  static constexpr double gradient = 2e-5;
};
template <>
struct Tolerance<double> {
  static constexpr double value = 1e-14;
  static constexpr double gradient = 1e-13;
};

template <class Context>
using tolerance = Tolerance<typename Context::Scalar>;

}  // namespace seqrec_test

/// For TEMPLATE_TEST_CASE: the contexts of the CPU.
#define SEQREC_TEST_BACKENDS seqrec_test::CpuFloat, seqrec_test::CpuDouble
