// SPDX-License-Identifier: Apache-2.0
// What tests of device code share. The same tests run on a GPU and under the thread-block emulator, where each can also
// run under other schedules.
#pragma once

#include <cstring>
#include <type_traits>
#include <vector>

#include "seqrec/core/tensor.hpp"
#include "seqrec/cuda/memory.cuh"
#include "support/catch.hpp"

// Where kernels are compiled once for all test programs, this says so.
#if defined(SEQREC_TEST_EMULATED_KERNELS)
#include SEQREC_TEST_EMULATED_KERNELS
#endif

namespace seqrec_test {

/// The least that `launch` needs to know of a context: the default stream, which any thread may use.
struct DefaultStream {
  struct Use {};
  cudaStream_t stream() const { return nullptr; }
  Use use() const { return {}; }
};

template <class T>
using DeviceVector = seqrec::Tensor<T, 1, seqrec::DeviceSpace>;

template <class T>
DeviceVector<T> to_device(const std::vector<T>& values) {
  DeviceVector<T> tensor(static_cast<seqrec::index_t>(values.size()));
  tensor.copy_from_host(values.data());
  return tensor;
}

/// Equal sizes and equal bits of numbers, NaNs included. (tensors.hpp has the same for matrices.)
template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  static_assert(std::is_arithmetic_v<T>);
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

/// What `run()` returns, after requiring the same bits of it, by `same_bits`, under three schedules of the thread-block
/// emulator; on a GPU, in three runs.
template <class Run>
auto same_under_three_schedules(Run run) {
  const auto run_under = [&]([[maybe_unused]] unsigned seed) {
#ifndef __CUDACC__
    const emulator::WithSchedule schedule(seed);
#endif
    return run();
  };
  auto result = run_under(0);
  for (const unsigned seed : {1u, 7u}) {
    INFO("schedule " << seed);
    const bool same = same_bits(result, run_under(seed));
    REQUIRE(same);
  }
  return result;
}

}  // namespace seqrec_test
