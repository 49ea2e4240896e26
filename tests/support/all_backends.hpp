// SPDX-License-Identifier: Apache-2.0
// The contexts of all backends, for tests of ops that all of them have. The CUDA ones run on the thread-block emulator,
// or on a GPU where nvcc compiles the test.
#pragma once

#include <type_traits>

#include "cuda/device_support.hpp"
#include "seqrec/cuda/context.cuh"
#include "support/backends.hpp"

namespace seqrec_test {

using CudaFloat = seqrec::cuda::BasicContext<float>;
using CudaDouble = seqrec::cuda::BasicContext<double>;

template <class Context>
inline constexpr bool on_device = std::is_same_v<typename Context::Space, seqrec::DeviceSpace>;

/// What `run()`, which works on a Context of its own, returns; on CUDA after requiring the same bits of it under three
/// schedules of threads.
template <class Context, class Run>
auto repeatable(Run run) {
  if constexpr (on_device<Context>)
    return same_under_three_schedules(run);
  else
    return run();
}

/// Calls check.operator()<CudaFloat>(), where a program tests CUDA: for what only floats have, of which the emulator
/// has few tests.
template <class Check>
void with_cuda_float([[maybe_unused]] Check check) {
#if !defined(SEQREC_TEST_CPU_ONLY)
  check.template operator()<CudaFloat>();
#endif
}

}  // namespace seqrec_test

/// For TEMPLATE_TEST_CASE: the contexts of the CPU and of CUDA. On the emulator, which is slow, double alone stands for
/// CUDA unless the build asks for both; programs that test the CPU's vector branches leave CUDA out.
#if defined(SEQREC_TEST_CPU_ONLY)
#define SEQREC_TEST_ALL_BACKENDS SEQREC_TEST_BACKENDS
#elif defined(SEQREC_TEST_CUDA_FLOAT) || defined(__CUDACC__)
#define SEQREC_TEST_ALL_BACKENDS SEQREC_TEST_BACKENDS, seqrec_test::CudaFloat, seqrec_test::CudaDouble
#else
#define SEQREC_TEST_ALL_BACKENDS SEQREC_TEST_BACKENDS, seqrec_test::CudaDouble
#endif
