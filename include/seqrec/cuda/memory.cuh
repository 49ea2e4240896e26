// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "seqrec/core/memory.hpp"
#include "seqrec/cuda/check.cuh"

namespace seqrec {

/// Device memory. Copies and clears happen in a stream: a context's, or by default the default stream, which waits for
/// what any context launched before, and which later launches wait for (contexts use blocking streams). `release` waits
/// for the device.
/// @throws CudaError when the runtime refuses
template <>
struct Memory<DeviceSpace> {
  using Stream = cudaStream_t;

  static void* allocate(std::size_t bytes) {
    void* memory = nullptr;
    SEQREC_CUDA_CHECK(cudaMalloc(&memory, bytes));
    return memory;
  }
  /// Cannot report anything: at the end of a program the runtime may be gone before the last tensor.
  static void release(void* memory) noexcept { static_cast<void>(cudaFree(memory)); }
  static void clear(void* memory, std::size_t bytes, Stream stream = nullptr) {
    if (bytes != 0) SEQREC_CUDA_CHECK(cudaMemsetAsync(memory, 0, bytes, stream));
  }
  /// The content is of no use any more: a test's device makes it undefined.
  static void forget(void* memory, std::size_t bytes, Stream stream = nullptr) {
    cuda::device_forget(memory, bytes, stream);
  }
  /// Pageable memory of the host is copied aside before this returns.
  static void copy_from_host(void* target, const void* host, std::size_t bytes, Stream stream = nullptr) {
    if (bytes != 0) SEQREC_CUDA_CHECK(cudaMemcpyAsync(target, host, bytes, cudaMemcpyHostToDevice, stream));
  }
  static void copy_to_host(void* host, const void* source, std::size_t bytes, Stream stream = nullptr) {
    if (bytes == 0) return;
    SEQREC_CUDA_CHECK(cudaMemcpyAsync(host, source, bytes, cudaMemcpyDeviceToHost, stream));
    SEQREC_CUDA_CHECK(cudaStreamSynchronize(stream));
  }
};

}  // namespace seqrec
