// SPDX-License-Identifier: Apache-2.0
// The one place that decides what "CUDA" is: nvcc's runtime, or the thread-block emulator of the tests, which offers
// the same names to any C++20 compiler. Also the only place of the library that launches a kernel by `<<<>>>`.
#pragma once

#if defined(__CUDACC__)
#include <cuda_runtime.h>
#elif defined(SEQREC_CUDA_EMULATOR)
#include SEQREC_CUDA_EMULATOR
#else
#error "seqrec/cuda needs a CUDA compiler: compile this file as .cu with nvcc, or include seqrec/cpu.hpp instead"
#endif

#include <cstddef>
#include <limits>
#include <type_traits>

namespace seqrec::cuda {

/// Lanes of a warp; the kernels rely on it.
inline constexpr int warp_size = 32;

/// Before a loop of so many rounds as the compiler knows: nvcc leaves large ones as they are, and numbers of registers
/// that are chosen in them then lie in memory. The other is for loops of few rounds in large code, whose fetching would
/// take longer than its work.
#ifdef __CUDACC__
#define SEQREC_CUDA_UNROLL _Pragma("unroll")
#define SEQREC_CUDA_ROLL _Pragma("unroll 1")
#else
#define SEQREC_CUDA_UNROLL
#define SEQREC_CUDA_ROLL
#endif

/// A constant, because std::numeric_limits has host functions to nvcc.
template <class Real>
inline constexpr Real infinity = std::numeric_limits<Real>::infinity();

/// The mask of a whole warp.
inline constexpr unsigned all_lanes = 0xFFFFFFFFu;

/// Dynamic shared memory that a kernel may use without asking the driver for more.
inline constexpr std::size_t default_shared_bytes = 48 << 10;

#ifdef __CUDACC__

/// The type of a shared memory array of fixed size: `__shared__ shared_array<float, 32> partial;`. The emulator's
/// version checks bounds and starts undefined in each block.
template <class T, int Size>
using shared_array = T[Size];

/// The block's dynamic shared memory, aligned to 16 bytes; its size is the launch's `shared_bytes`.
template <class T>
__device__ T* dynamic_shared() {
  extern __shared__ __align__(16) unsigned char seqrec_dynamic_shared[];
  return reinterpret_cast<T*>(seqrec_dynamic_shared);
}

/// Launches `Kernel` and nothing more; `launch` in launch.cuh is what ops call.
template <auto Kernel, class... Arguments>
void device_launch(dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream,
                   const Arguments&... arguments) {
  Kernel<<<grid, block, shared_bytes, stream>>>(arguments...);
}

/// A kernel as the runtime's calls that know no types take it.
template <auto Kernel>
const void* device_function() {
  return reinterpret_cast<const void*>(Kernel);
}

/// Whether device_forget does anything: it is for a device that looks after what is of use.
inline constexpr bool device_forgets = false;

/// Says that what lies in some memory is of no use any more.
inline void device_forget(void*, std::size_t, cudaStream_t) {}

#else

template <class T, int Size>
using shared_array = emulator::SharedArray<T, Size>;

template <class T>
T* dynamic_shared() {
  return reinterpret_cast<T*>(emulator::Block::current().dynamic_shared());
}

template <auto Kernel>
const void* device_function() {
  return &emulator::function<Kernel>();
}

namespace detail {
/// Arguments become what the kernel's parameters are.
template <class... Parameters>
void launch_untyped(const void* function, void (*)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes,
                    cudaStream_t stream, const std::type_identity_t<Parameters>&... arguments) {
  void* parameters[] = {const_cast<void*>(static_cast<const void*>(&arguments))..., nullptr};
  static_cast<void>(cudaLaunchKernel(function, grid, block, parameters, shared_bytes, stream));
}
}  // namespace detail

template <auto Kernel, class... Arguments>
void device_launch(dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream,
                   const Arguments&... arguments) {
  detail::launch_untyped(device_function<Kernel>(), Kernel, grid, block, shared_bytes, stream, arguments...);
}

inline constexpr bool device_forgets = true;

inline void device_forget(void* memory, std::size_t bytes, cudaStream_t stream) {
  emulator::forget(memory, bytes, stream);
}

#endif

}  // namespace seqrec::cuda
