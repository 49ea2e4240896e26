// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>

#include "seqrec/core/errors.hpp"
#include "seqrec/cuda/check.cuh"
#include "seqrec/cuda/device.cuh"
#include "seqrec/cuda/work_stream.cuh"

namespace seqrec::cuda {

/// How many blocks of how many threads, and the dynamic shared memory of each block in bytes.
struct LaunchShape {
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 0;
};

/// Blocks needed where each of them does `per_block` of `count` pieces of work.
/// @throws ArgumentError when they are more than a grid can hold
inline unsigned blocks_for(index_t count, index_t per_block) {
  const index_t blocks = (count + per_block - 1) / per_block;
  check_argument(blocks >= 0 && blocks <= std::numeric_limits<int>::max(), "blocks of a launch", blocks,
                 "at most 2^31 - 1");
  return static_cast<unsigned>(blocks);
}

/// Blocks along the second or third axis of a grid, of which there are fewer.
/// @param name  of the count
/// @throws ArgumentError when the grid cannot hold them
inline unsigned blocks_across(const char* name, index_t count, index_t per_block) {
  constexpr index_t most = 65535;
  if (count > most * per_block)
    throw ArgumentError(concatenate(name, " is ", count, ", expected at most ", most * per_block));
  return blocks_for(count, per_block);
}

/// Dynamic shared memory that a block may have at most on the current device; `launch` asks for it where it must.
/// @throws CudaError
inline std::size_t most_shared_bytes() {
  int device = 0, bytes = 0;
  SEQREC_CUDA_CHECK(cudaGetDevice(&device));
  SEQREC_CUDA_CHECK(cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device));
  return static_cast<std::size_t>(bytes);
}

/// Launches `Kernel` in the context's stream, `launch<kernel<Scalar>>(context, {grid, block}, arguments...)`, and
/// checks that the launch was accepted; while the context gathers launches, it is one of those. A grid without blocks
/// is no work, not an error.
/// @throws CudaError   Asynchronous: faults on the device surface when the context synchronises.
/// @throws ContextInUseError while another thread uses the context
template <auto Kernel, class Context, class... Arguments>
void launch(const Context& context, const LaunchShape& shape, const Arguments&... arguments) {
  if (shape.grid.x == 0 || shape.grid.y == 0 || shape.grid.z == 0) return;
  [[maybe_unused]] const auto use = context.use();
  if (shape.shared_bytes > default_shared_bytes)
    SEQREC_CUDA_CHECK(cudaFuncSetAttribute(Kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                           static_cast<int>(shape.shared_bytes)));
  const WorkStream stream = context.stream();
  if (LaunchList* const launches = stream.launches())
    return launches->template add<Kernel>(shape.grid, shape.block, shape.shared_bytes, arguments...);
  device_launch<Kernel>(shape.grid, shape.block, shape.shared_bytes, stream, arguments...);
  SEQREC_CUDA_CHECK(cudaGetLastError());
}

/// Turns a number known at run time into a template constant: calls `action.operator()<Choice>()` for the smallest of
/// the (ascending) choices that is not below `value`.
/// @throws ArgumentError when all are below it; `name` says what the value is
template <int... Choices, class Action>
void dispatch_at_least(const char* name, index_t value, Action&& action) {
  const bool found = ((value <= Choices ? (action.template operator()<Choices>(), true) : false) || ...);
  if (!found) throw ArgumentError(concatenate(name, " is ", value, ", expected at most ", std::max({Choices...})));
}

}  // namespace seqrec::cuda
