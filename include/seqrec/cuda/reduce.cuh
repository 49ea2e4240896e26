// SPDX-License-Identifier: Apache-2.0
// Sums and maxima over a warp or a block, written once.
//
// Every thread gets the result, and the order of operations depends on the number of threads only, so the bits are the
// same in every run. All lanes of a warp, and for block_... all threads of a block, must take part; blocks are whole
// warps.
#pragma once

#include <limits>

#include "seqrec/cuda/device.cuh"

namespace seqrec::cuda {

/// What any other value is the maximum of. (Kernels may read a constant, but not call std::numeric_limits.)
template <class Scalar>
inline constexpr Scalar minus_infinity = -std::numeric_limits<Scalar>::infinity();

/// a + b.
struct Plus {
  template <class Scalar>
  __device__ Scalar operator()(Scalar a, Scalar b) const {
    return a + b;
  }
};

/// The greater of a and b. A NaN wins, so that it is not lost on the way; of two zeros either may, whatever its sign.
struct Maximum {
  template <class Scalar>
  __device__ Scalar operator()(Scalar a, Scalar b) const {
    return a > b || a != a ? a : b;
  }
};

/// Combines one value a lane. `operation` must be commutative: then all lanes hold the same bits, because in each round
/// a pair of lanes computes the same thing.
template <class Scalar, class Operation>
__device__ Scalar warp_reduce(Scalar value, Operation operation) {
  for (int distance = warp_size / 2; distance > 0; distance /= 2)
    value = operation(value, __shfl_xor_sync(all_lanes, value, distance));
  return value;
}

/// Combines one value a thread; `neutral` leaves any value as it is.
template <class Scalar, class Operation>
__device__ Scalar block_reduce(Scalar value, Scalar neutral, Operation operation) {
  __shared__ shared_array<Scalar, warp_size> of_warp;  // a block has at most 32 warps
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  const unsigned lane = thread % warp_size, warp = thread / warp_size;
  const unsigned warps = blockDim.x * blockDim.y * blockDim.z / warp_size;
  value = warp_reduce(value, operation);
  __syncthreads();  // a reduction before this one may still be reading
  if (lane == 0) of_warp[warp] = value;
  __syncthreads();
  return warp_reduce(lane < warps ? of_warp[lane] : neutral, operation);
}

template <class Scalar>
__device__ Scalar warp_sum(Scalar value) {
  return warp_reduce(value, Plus{});
}
template <class Scalar>
__device__ Scalar warp_max(Scalar value) {
  return warp_reduce(value, Maximum{});
}
template <class Scalar>
__device__ Scalar block_sum(Scalar value) {
  return block_reduce(value, Scalar{0}, Plus{});
}
/// @param lowest what to return if all values are below it, such as minus_infinity
template <class Scalar>
__device__ Scalar block_max(Scalar value, Scalar lowest) {
  return block_reduce(value, lowest, Maximum{});
}

}  // namespace seqrec::cuda
