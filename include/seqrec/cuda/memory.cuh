// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>

#include "seqrec/core/memory.hpp"
#include "seqrec/cuda/check.cuh"
#include "seqrec/cuda/clear_words.cuh"
#include "seqrec/cuda/upload.cuh"
#include "seqrec/cuda/work_stream.cuh"

namespace seqrec {

/// Device memory. Copies and clears happen in a stream: a context's, or by default the default stream, which waits for
/// what any context launched before, and which later launches wait for (contexts use blocking streams). `release` waits
/// for the device. In a stream memory comes from the device's pool and goes back there, and nobody waits.
/// @throws CudaError when the runtime refuses
template <>
struct Memory<DeviceSpace> {
  using Stream = cuda::WorkStream;
  using Upload = cuda::Upload;

  /// @throws DeviceMemoryError where so much is not free; the message says how much is, and how much the program holds
  static void* allocate(std::size_t bytes) {
    void* memory = nullptr;
    return obtained(memory, bytes, cudaMalloc(&memory, bytes), "cudaMalloc");
  }
  static void* allocate(std::size_t bytes, Stream stream) {
    if (!has_pool()) return allocate(bytes);
    void* memory = nullptr;
    return obtained(memory, bytes, cudaMallocAsync(&memory, bytes, stream), "cudaMallocAsync");
  }
  /// Cannot report anything: at the end of a program the runtime may be gone before the last tensor.
  static void release(void* memory, std::size_t bytes) noexcept {
    static_cast<void>(cudaFree(memory));
    held_ -= bytes;
  }
  static void release(void* memory, std::size_t bytes, Stream stream) {
    if (!has_pool()) return release(memory, bytes);
    SEQREC_CUDA_CHECK(cudaFreeAsync(memory, stream));
    held_ -= bytes;
  }
  /// Bytes that this program holds in tensors and arenas, on all devices.
  static std::size_t held() { return held_; }

  static void clear(void* memory, std::size_t bytes, Stream stream = nullptr) {
    if (bytes == 0) return;
    if (cuda::LaunchList* const launches = stream.launches(); launches != nullptr && bytes % 4 == 0)
      cuda::clear_words(*launches, memory, bytes);
    else
      SEQREC_CUDA_CHECK(cudaMemsetAsync(memory, 0, bytes, stream));
  }
  /// The content is of no use any more: a test's device makes it undefined.
  static void forget(void* memory, std::size_t bytes, Stream stream = nullptr) {
    if constexpr (cuda::device_forgets) cuda::device_forget(memory, bytes, stream);
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

 private:
  /// Whether the device has memory in the order of streams; some that are shared between machines have none.
  static bool has_pool() {
    int device = 0, pools = 0;
    SEQREC_CUDA_CHECK(cudaGetDevice(&device));
    SEQREC_CUDA_CHECK(cudaDeviceGetAttribute(&pools, cudaDevAttrMemoryPoolsSupported, device));
    return pools != 0;
  }

  /// Counts memory that a call has given, or throws what the call says.
  static void* obtained(void* const& memory, std::size_t bytes, cudaError_t status, const char* call) {
    if (status == cudaErrorMemoryAllocation) throw DeviceMemoryError(out_of_memory(bytes, call));
    cuda::check(status, call, __FILE__, __LINE__);
    held_ += bytes;
    return memory;
  }

  static std::string out_of_memory(std::size_t bytes, const char* call) {
    std::size_t free = 0, total = 0;
    const std::string failed = cuda::failed_call(call, __FILE__, __LINE__, cudaErrorMemoryAllocation);
    SEQREC_CUDA_CHECK(cudaMemGetInfo(&free, &total));
    return concatenate(failed, ": ", bytes, " bytes are asked for, ", free, " of the device's ", total,
                       " are free (the largest run of them may be shorter), and ", held(),
                       " are held by this program's tensors and arenas");
  }

  static inline std::atomic<std::size_t> held_ = 0;
};

}  // namespace seqrec
