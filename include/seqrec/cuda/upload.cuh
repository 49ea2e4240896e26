// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>

#include "seqrec/cuda/check.cuh"

namespace seqrec::cuda {

/// Copies from the host to one place of a device after another, through page-locked memory and in a stream of its own:
/// beside what runs in other streams, and without the host waiting for those.
///
/// Nothing but these calls orders a copy against the streams that read it: `wait` before the first reader, `release`
/// behind the last.
class Upload {
 public:
  /// Starts a copy, behind what was released. `host` may change afterwards. Waits for the copy before this one.
  void begin(void* target, const void* host, std::size_t bytes) {
    Handles& h = handles();
    SEQREC_CUDA_CHECK(cudaEventSynchronize(h.copied));
    h.reserve(bytes);
    if (bytes != 0) std::memcpy(h.memory, host, bytes);
    SEQREC_CUDA_CHECK(cudaStreamWaitEvent(h.stream, h.released, 0));
    if (bytes != 0) SEQREC_CUDA_CHECK(cudaMemcpyAsync(target, h.memory, bytes, cudaMemcpyHostToDevice, h.stream));
    SEQREC_CUDA_CHECK(cudaEventRecord(h.copied, h.stream));
  }
  /// What `reader` is given from now on finds the copy.
  void wait(cudaStream_t reader) const {
    if (handles_) SEQREC_CUDA_CHECK(cudaStreamWaitEvent(reader, handles_->copied, 0));
  }
  /// The next copy comes behind what `reader` was given until now.
  void release(cudaStream_t reader) { SEQREC_CUDA_CHECK(cudaEventRecord(handles().released, reader)); }

 private:
  /// Made when they are first asked for: not every target of batches is copied to in this way.
  struct Handles {
    Handles() {
      try {
        // A blocking stream, as contexts have: what a program sets up in the default stream comes before.
        SEQREC_CUDA_CHECK(cudaStreamCreate(&stream));
        SEQREC_CUDA_CHECK(cudaEventCreateWithFlags(&copied, cudaEventDisableTiming));
        SEQREC_CUDA_CHECK(cudaEventCreateWithFlags(&released, cudaEventDisableTiming));
      } catch (...) {
        end();
        throw;
      }
    }
    Handles(const Handles&) = delete;
    Handles& operator=(const Handles&) = delete;
    ~Handles() { end(); }

    void reserve(std::size_t bytes) {
      if (bytes <= capacity) return;
      const std::size_t grown = std::max(bytes, capacity + capacity / 2);
      static_cast<void>(cudaFreeHost(memory));
      memory = nullptr;
      capacity = 0;
      SEQREC_CUDA_CHECK(cudaMallocHost(&memory, grown));
      capacity = grown;
    }
    /// Cannot report anything, as destructors.
    void end() const noexcept {
      if (copied != nullptr) static_cast<void>(cudaEventSynchronize(copied));
      static_cast<void>(cudaFreeHost(memory));
      if (released != nullptr) static_cast<void>(cudaEventDestroy(released));
      if (copied != nullptr) static_cast<void>(cudaEventDestroy(copied));
      if (stream != nullptr) static_cast<void>(cudaStreamDestroy(stream));
    }

    cudaStream_t stream = nullptr;
    cudaEvent_t copied = nullptr, released = nullptr;
    void* memory = nullptr;  ///< page-locked
    std::size_t capacity = 0;
  };

  Handles& handles() {
    if (!handles_) handles_ = std::make_unique<Handles>();
    return *handles_;
  }

  std::unique_ptr<Handles> handles_;
};

}  // namespace seqrec::cuda
