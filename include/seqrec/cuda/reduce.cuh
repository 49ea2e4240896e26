// SPDX-License-Identifier: Apache-2.0
// Sums and maxima over a warp or a block, written once.
//
// Every thread gets the result, and the order of operations depends on the number of threads only, so the bits are the
// same in every run. All lanes of a warp, and for block_... all threads of a block, must take part; blocks are whole
// warps.
#pragma once

#include <cstddef>

#include "seqrec/cuda/device.cuh"

namespace seqrec::cuda {

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
/// Sums of several values a lane over a warp, with a quarter of the exchanges that one warp_sum each would take for
/// eight of them.
/// @tparam Count a power of two, at most 32   @return in lane i, the sum of value i / (32 / Count)
template <std::size_t Count, class Scalar>
__device__ Scalar warp_sums(const Scalar (&values)[Count], int distance = warp_size / 2) {
  if constexpr (Count == 1) {
    Scalar sum = values[0];
    for (; distance > 0; distance /= 2) sum += __shfl_xor_sync(all_lanes, sum, distance);
    return sum;
  } else {
    // A pair of lanes shares the work: each keeps one half of the values, and gives the other away.
    const bool upper = (threadIdx.x & static_cast<unsigned>(distance)) != 0;
    Scalar kept[Count / 2];
    for (std::size_t i = 0; i < Count / 2; ++i) {
      const Scalar mine = upper ? values[Count / 2 + i] : values[i], given = upper ? values[i] : values[Count / 2 + i];
      kept[i] = mine + __shfl_xor_sync(all_lanes, given, distance);
    }
    return warp_sums(kept, distance / 2);
  }
}
/// @param lowest what to return if all values are below it, such as -infinity
template <class Scalar>
__device__ Scalar block_max(Scalar value, Scalar lowest) {
  return block_reduce(value, lowest, Maximum{});
}

}  // namespace seqrec::cuda
