// SPDX-License-Identifier: Apache-2.0
// Device memory for tables that nobody could hold twice. On the emulator only what is used takes memory.
#pragma once

#include <cstddef>

#ifndef __CUDACC__
#include <sys/mman.h>
#endif

#include "seqrec/core/types.hpp"
#include "seqrec/cuda/device.cuh"
#include "support/catch.hpp"

namespace seqrec_test {

/// Zeros in device memory.
class Zeros {
 public:
  explicit Zeros(seqrec::index_t count) : bytes_(static_cast<std::size_t>(count) * sizeof(float)) {
#ifdef __CUDACC__
    if (cudaMalloc(&data_, bytes_) != cudaSuccess) static_cast<void>(cudaGetLastError());
    if (data_ != nullptr) CHECK(cudaMemset(data_, 0, bytes_) == cudaSuccess);
#else
    void* const memory =
        mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory != MAP_FAILED) data_ = static_cast<float*>(memory);
#endif
  }
  Zeros(const Zeros&) = delete;
  Zeros& operator=(const Zeros&) = delete;
  ~Zeros() {
#ifdef __CUDACC__
    static_cast<void>(cudaFree(data_));
#else
    if (data_ != nullptr) munmap(data_, bytes_);
#endif
  }
  float* data() const { return data_; }

 private:
  float* data_ = nullptr;
  std::size_t bytes_;
};

/// Runs a test of such tables. On the emulator, of each grid the first and the last two blocks alone run; on a GPU that
/// does not have `bytes` of memory it is skipped.
template <class Test>
void at_ends_of_grids([[maybe_unused]] std::size_t bytes, Test test) {
#ifdef __CUDACC__
  std::size_t free = 0, total = 0;
  REQUIRE(cudaMemGetInfo(&free, &total) == cudaSuccess);
  if (free < bytes) {
    WARN("skipped: the tables take " << (bytes >> 30) << " GiB");
    return;
  }
#else
  const emulator::WithSchedule ends(emulator::Schedule{0, 1, 2});
#endif
  test();
}

}  // namespace seqrec_test
