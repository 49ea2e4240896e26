// SPDX-License-Identifier: Apache-2.0
// Copies from device to shared memory that go on while a thread computes: cp.async of sm_80 and newer (PTX ISA, "Data
// Movement and Conversion Instructions: Asynchronous copy"). No register is taken on the way.
//
//   copy_async<16>(shared, global);        // as often as needed
//   commit_copies();                       // these are a group
//   wait_for_copies<0>();                  // until at most 0 groups of this thread are under way
//   __syncthreads();                       // what other threads have copied is there too
#pragma once

#include <cstdint>

#include "seqrec/cuda/device.cuh"

namespace seqrec::cuda {

/// Begins to copy `Bytes` bytes, of which the first `valid` are read and the others are zeros. Both addresses are
/// multiples of `Bytes`. Nothing may touch `shared`, nor change `global`, until the copy has been waited for.
/// @tparam Bytes  4, 8, or 16, which goes past the first cache
template <int Bytes>
__device__ void copy_async(void* shared, const void* global, int valid = Bytes) {
  static_assert(Bytes == 4 || Bytes == 8 || Bytes == 16, "seqrec: asynchronous copies are of 4, 8 or 16 bytes");
#ifdef __CUDACC__
  const auto target = static_cast<std::uint32_t>(__cvta_generic_to_shared(shared));
  if constexpr (Bytes == 16)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(target), "l"(global), "r"(valid) : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(target), "l"(global), "n"(Bytes), "r"(valid)
                 : "memory");
#else
  emulator::copy_async(shared, global, Bytes, valid);
#endif
}

/// Makes a group of the copies that this thread has begun since the last one.
__device__ inline void commit_copies() {
#ifdef __CUDACC__
  asm volatile("cp.async.commit_group;" ::: "memory");
#else
  emulator::commit_copies();
#endif
}

/// Waits until at most `UnderWay` groups of this thread, the last ones, have not arrived.
template <int UnderWay>
__device__ void wait_for_copies() {
  static_assert(UnderWay >= 0);
#ifdef __CUDACC__
  asm volatile("cp.async.wait_group %0;" ::"n"(UnderWay) : "memory");
#else
  emulator::wait_for_copies(UnderWay);
#endif
}

}  // namespace seqrec::cuda
