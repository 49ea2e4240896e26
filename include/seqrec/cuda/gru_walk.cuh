// SPDX-License-Identifier: Apache-2.0
// What the walks of a gated recurrent unit over histories have in common, forward and backward: which histories a block
// has, what it keeps on chip, and the product of its states with the recurrent weights.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <type_traits>

#include "seqrec/core/tensor.hpp"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/launch.cuh"
#include "seqrec/cuda/segments.cuh"
#include "seqrec/ops/gru.hpp"

namespace seqrec::cuda {

/// What a walk forward reads and leaves.
template <class S>
struct GruWalk : GruForward<BasicContext<S>> {
  MatrixView<const S, DeviceSpace> gates;  ///< (N, 3 F) x_r | x_z | x_n
};

/// What a walk back reads and leaves; each of the three without gaps between rows, or null if nobody wants it.
template <class S>
struct GruWalkBack : GruBackward<BasicContext<S>> {
  MatrixView<S, DeviceSpace> dgates;     ///< (N, 3 F) gradients of x_r | x_z | x_n
  MatrixView<S, DeviceSpace> before;     ///< (N, F) the states before the rows
  MatrixView<S, DeviceSpace> dproducts;  ///< (N, 3 F) gradients of what the products with them are added to
};

/// Threads of a block at most. They share the F sums of a product, and the sums' terms where there are fewer units.
inline constexpr index_t gru_threads = 512;
/// Terms of a sum that are worth a thread of its own.
inline constexpr index_t gru_terms = 16;
/// Histories of a block where there are many: a weight that was read from shared memory meets so many states. Where
/// there are few, each has a block to itself, because the walk takes as many steps as the longest of a block has rows.
inline constexpr int gru_tile = 4;
/// What many are: more than two for each multiprocessor of the largest GPUs.
inline constexpr index_t gru_many = 256;

/// Blocks that a multiprocessor is to hold: of those with one history each two, which gives a thread 64 registers;
/// several histories would spill some of them.
template <int Tile>
inline constexpr int gru_blocks = Tile == 1 ? 2 : 1;

/// Where a block keeps what each step reads.
enum class GruMemory {
  on_chip,      ///< weights and states in shared memory
  far_weights,  ///< states in shared memory, weights in the device's, read through the second-level cache
  far,          ///< everything in the device's memory
};

/// How a walk is launched.
struct GruPlan {
  LaunchShape shape;
  GruMemory memory = GruMemory::on_chip;
  int tile = 1;
  index_t far_numbers = 0;  ///< accumulators of a block in the device's memory
};

/// @param numbers accumulators that a block keeps of each unit and history, and so many more for each part of a sum
/// @param weights that a block keeps on chip   @param shared_bytes that a block may have
template <class S>
GruPlan gru_plan(index_t histories, index_t width, index_t numbers, index_t numbers_of_part, index_t weights,
                 std::size_t shared_bytes) {
  const index_t whole_warps = (width + warp_size - 1) / warp_size * warp_size;
  const index_t lanes = std::clamp<index_t>(whole_warps, warp_size, gru_threads);
  const index_t parts = std::clamp<index_t>(width / gru_terms, 1, gru_threads / lanes);
  GruPlan plan;
  plan.tile = histories > gru_many ? gru_tile : 1;
  const auto bytes = [&](index_t count) {
    return static_cast<std::size_t>(plan.tile) *
           (2 * sizeof(index_t) + static_cast<std::size_t>(count * width) * sizeof(accumulator_of<S>));
  };
  const index_t kept = numbers + parts * numbers_of_part;
  const std::size_t with_weights = bytes(kept) + static_cast<std::size_t>(weights) * sizeof(S);
  plan.shape.shared_bytes = with_weights;
  if (with_weights > shared_bytes) {
    plan.memory = GruMemory::far_weights;
    plan.shape.shared_bytes = bytes(kept);
  }
  if (plan.shape.shared_bytes > shared_bytes) {
    plan.memory = GruMemory::far;
    plan.tile = 1;
    plan.far_numbers = kept * width;
    plan.shape.shared_bytes = bytes(0);
  }
  plan.shape.grid = dim3(blocks_for(histories, plan.tile));
  plan.shape.block = dim3(static_cast<unsigned>(lanes), static_cast<unsigned>(parts));
  return plan;
}

/// Calls action.operator()<Tile, memory>() for a plan.
template <class Action>
void gru_dispatch(const GruPlan& plan, Action action) {
  const bool on_chip = plan.memory == GruMemory::on_chip;
  if (plan.memory == GruMemory::far)
    action.template operator()<1, GruMemory::far>();
  else if (plan.tile == 1 && on_chip)
    action.template operator()<1, GruMemory::on_chip>();
  else if (plan.tile == 1)
    action.template operator()<1, GruMemory::far_weights>();
  else if (on_chip)
    action.template operator()<gru_tile, GruMemory::on_chip>();
  else
    action.template operator()<gru_tile, GruMemory::far_weights>();
}

/// The block's thread, and how many it has.
__device__ inline index_t gru_thread() { return threadIdx.x + blockDim.x * threadIdx.y; }
__device__ inline index_t gru_block() { return static_cast<index_t>(blockDim.x) * blockDim.y; }

/// The histories of a block, and its memory.
template <class S, int Tile, GruMemory memory>
class GruBlock {
 public:
  using Accumulator = accumulator_of<S>;

  /// To be made by all threads of a block, which wait for each other.
  /// @param far  (blocks, far_numbers) where memory is far
  __device__ GruBlock(VectorView<const offset_t, DeviceSpace> offsets, Accumulator* far, index_t far_numbers)
      : first_(dynamic_shared<index_t>()),
        length_(first_ + Tile),
        numbers_(memory == GruMemory::far ? far + blockIdx.x * far_numbers
                                          : reinterpret_cast<Accumulator*>(length_ + Tile)),
        histories_(offsets.size() > 0 ? offsets.size() - 1 : 0) {
    if (const index_t i = gru_thread(); i < Tile) {
      const index_t of = history(i);
      first_[i] = of < histories_ ? offsets(of) : 0;
      length_[i] = of < histories_ ? offsets(of + 1) - first_[i] : 0;
    }
    __syncthreads();
    for (int i = 0; i < Tile; ++i) longest_ = length_[i] > longest_ ? length_[i] : longest_;
  }

  /// The number of the block's i-th history.
  __device__ index_t history(index_t i) const { return static_cast<index_t>(blockIdx.x) * Tile + i; }
  __device__ bool exists(index_t i) const { return history(i) < histories_; }
  __device__ index_t row(index_t i, index_t step) const { return first_[i] + step; }
  __device__ bool has_row(index_t i, index_t step) const { return step < length_[i]; }
  /// Rows of the longest.
  __device__ index_t longest() const { return longest_; }

  /// Takes the next `count` numbers of the block's memory.
  __device__ Accumulator* take(index_t count) {
    Accumulator* const taken = numbers_;
    numbers_ += count;
    return taken;
  }
  /// What is behind them, for weights on chip.
  __device__ S* rest() const { return reinterpret_cast<S*>(numbers_); }

 private:
  index_t *first_, *length_;
  Accumulator* numbers_;
  index_t histories_, longest_ = 0;
};

/// Weights as a product reads them: term k of unit u's sum is multiplied by data[k * stride + u].
template <class S>
struct GruWeights {
  const S* data;
  index_t stride;
};

/// parts(part, gate, i, u) = the part's terms of sum over k of states(i, k) * weights(k, gate F + u). A part is what
/// the threads of one threadIdx.y add up, always in the same order, whatever other histories there are.
/// @param states (Tile, state_stride)
template <int Gates, int Tile, class S, class Accumulator>
__device__ void gru_products(GruWeights<S> weights, const Accumulator* states, index_t state_stride, index_t terms,
                             index_t width, Accumulator* parts) {
  const index_t part = threadIdx.y, begin = terms * part / blockDim.y, end = terms * (part + 1) / blockDim.y;
  for (index_t u = threadIdx.x; u < width; u += blockDim.x) {
    Accumulator sums[static_cast<unsigned>(Gates * Tile)] = {};
    const S* of_term = weights.data + begin * weights.stride + u;
    for (index_t k = begin; k < end; ++k, of_term += weights.stride)
      for (int i = 0; i < Tile; ++i) {
        const Accumulator state = states[i * state_stride + k];
        for (int gate = 0; gate < Gates; ++gate)
          sums[gate * Tile + i] += static_cast<Accumulator>(of_term[gate * width]) * state;
      }
    for (int gate = 0; gate < Gates; ++gate)
      for (int i = 0; i < Tile; ++i) parts[((part * Gates + gate) * Tile + i) * width + u] = sums[gate * Tile + i];
  }
}

/// The sum of the parts of one gate's product; `element` is i F + u.
template <int Gates, int Tile, class Accumulator>
__device__ Accumulator gru_sum(const Accumulator* parts, int gate, index_t element, index_t width) {
  Accumulator sum = 0;
  for (unsigned part = 0; part < blockDim.y; ++part)
    sum += parts[static_cast<index_t>(part * Gates + static_cast<unsigned>(gate)) * Tile * width + element];
  return sum;
}

/// What an element of the state reads of a row, with the biases that are added to it at once.
template <class Accumulator>
struct GruInputs {
  Accumulator r, z, n;
  Accumulator bias_n = 0;
};

/// What an element of the state reads of a row: what forward kept, the state before, and its gradient from above.
template <class Accumulator>
struct GruKept {
  Accumulator r, z, n, k, before, dy;
};

}  // namespace seqrec::cuda
