// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "seqrec/core/memory.hpp"
#include "seqrec/cuda/check.cuh"

namespace seqrec {

/// Device memory. Every function works in the default stream's order: it waits for what any context launched before,
/// and later launches wait for it (contexts use blocking streams). Not for use while a graph is being captured.
/// @throws CudaError when the runtime refuses
template <>
struct Memory<DeviceSpace> {
  static void* allocate(std::size_t bytes) {
    void* memory = nullptr;
    SEQREC_CUDA_CHECK(cudaMalloc(&memory, bytes));
    return memory;
  }
  /// Cannot report anything: at the end of a program the runtime may be gone before the last tensor.
  static void release(void* memory) noexcept { static_cast<void>(cudaFree(memory)); }
  static void clear(void* memory, std::size_t bytes) {
    if (bytes != 0) SEQREC_CUDA_CHECK(cudaMemset(memory, 0, bytes));
  }
  static void copy_from_host(void* target, const void* host, std::size_t bytes) {
    if (bytes != 0) SEQREC_CUDA_CHECK(cudaMemcpy(target, host, bytes, cudaMemcpyHostToDevice));
  }
  static void copy_to_host(void* host, const void* source, std::size_t bytes) {
    if (bytes != 0) SEQREC_CUDA_CHECK(cudaMemcpy(host, source, bytes, cudaMemcpyDeviceToHost));
  }
};

}  // namespace seqrec
