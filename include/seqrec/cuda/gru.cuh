// SPDX-License-Identifier: Apache-2.0
// A gated recurrent unit over packed histories (Cho et al. 2014; Chung et al. 2014), forward: the gates' products with
// all inputs, as a linear layer makes them (linear.cuh), then the recurrence.
// Backward: gru_backward.cuh. Here for states of many units; those of few have a kernel of their own:
// gru_registers.cuh.
//
// One block per history, or per four neighbouring ones where there are many, walks through all of their rows: histories
// do not depend on each other, so no block ever waits for another. In a product each thread has a unit and a part of
// its sum's terms; then each has an element of the state, adds up the parts and moves it on. What an element needs of a
// row's gates is read before the product that it waits for.
// Memory: the recurrent weights once per block (in shared memory where they fit: 3 F (F + 1) elements, to F = 128 in
// float on an H100 and 104 on an A100; else once per block and step, through the second-level cache); reads gates and
// writes y once, and r, z, n, k for backward. Limits: time is the longest history's steps, of 2 to 3 us each with
// weights in shared memory (measured on sm_90, 64 to 128 units).
#pragma once

#include <cmath>

#include "seqrec/cuda/activation.cuh"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/gru_backward.cuh"
#include "seqrec/cuda/gru_registers.cuh"
#include "seqrec/cuda/gru_walk.cuh"
#include "seqrec/cuda/linear.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/ops/gru.hpp"

namespace seqrec::cuda {

template <class S>
void gru_saved_size(BasicContext<S>&, const GruSavedSize<BasicContext<S>>& a) {
  *a.size = 4 * a.rows * a.width;
}

/// Elements from one term's weights to the next: an odd number, so that the threads which lay them out side by side
/// write to different banks.
SEQREC_HOST_DEVICE constexpr index_t gru_weight_stride(index_t width) { return (3 * width) | 1; }

/// laid(k, j) = weight(j, k).
template <class S>
__global__ void gru_lay_out_kernel(MatrixView<const S, DeviceSpace> weight, MatrixView<S, DeviceSpace> laid) {
  const index_t j = row_of_warp();
  if (j >= weight.rows()) return;
  for_columns_of_lane(weight.columns(), [&](index_t k) { laid(k, j) = weight(j, k); });
}

/// What all elements have in common.
template <class S, int Tile, GruMemory memory>
struct GruStep {
  using Accumulator = accumulator_of<S>;

  const GruWalk<S>& a;
  const GruBlock<S, Tile, memory>& block;
  index_t width, step;

  /// Of element i F + u; zeros where its history has no such row.
  __device__ GruInputs<Accumulator> inputs(index_t element) const {
    const index_t i = element / width, u = element % width;
    if (element >= Tile * width || !block.has_row(i, step)) return {};
    const S* const gates = a.gates.row(block.row(i, step)) + u;
    GruInputs<Accumulator> x{static_cast<Accumulator>(gates[0]), static_cast<Accumulator>(gates[width]),
                             static_cast<Accumulator>(gates[2 * width])};
    if (!a.bias) return x;
    x.r += static_cast<Accumulator>(a.bias(u));
    x.z += static_cast<Accumulator>(a.bias(width + u));
    x.bias_n = static_cast<Accumulator>(a.bias(2 * width + u));
    return x;
  }
  /// Keeps r (0), z (1), n (2) or k (3) for backward.
  __device__ void keep(index_t element, int which, Accumulator value) const {
    const index_t i = element / width, u = element % width;
    if (a.saved) a.saved((4 * block.row(i, step) + which) * width + u) = static_cast<S>(value);
  }
  /// Leaves the state after the row.
  __device__ void leave(index_t element, Accumulator state) const {
    a.y(block.row(element / width, step), element % width) = static_cast<S>(state);
  }
};

/// @param laid (F, 3 F) the weights as gru_lay_out_kernel lays them out, where they are far
template <class S, int Tile, GruMemory memory>
__global__ void __launch_bounds__(gru_threads, gru_blocks<Tile>)
    gru_forward_kernel(GruWalk<S> a, MatrixView<const S, DeviceSpace> laid, accumulator_of<S>* far,
                       index_t far_numbers) {
  using Accumulator = accumulator_of<S>;
  using Inputs = GruInputs<Accumulator>;
  GruBlock<S, Tile, memory> block(a.offsets, far, far_numbers);
  const index_t width = a.y.columns(), elements = Tile * width, mine = gru_thread(), threads = gru_block();
  Accumulator* const states = block.take(elements);
  Accumulator* const resets = block.take(elements);   // r h, where the reset comes before the product
  Accumulator* const updates = block.take(elements);  // z, there
  Accumulator* const parts = block.take(3 * elements * blockDim.y);
  GruWeights<S> weights{laid.data, laid.stride};
  if constexpr (memory == GruMemory::on_chip) {
    S* const own = block.rest();
    weights = {own, gru_weight_stride(width)};
    for (index_t j = mine / warp_size; j < 3 * width; j += threads / warp_size)
      for (index_t k = mine % warp_size; k < width; k += warp_size) own[k * weights.stride + j] = a.weight(j, k);
  }
  for (index_t e = mine; e < elements; e += threads) {
    const index_t i = e / width;
    states[e] = a.initial && block.exists(i) ? static_cast<Accumulator>(a.initial(block.history(i), e % width))
                                             : Accumulator{0};
    resets[e] = Accumulator{0};  // the product takes those of histories too that are at an end
  }
  __syncthreads();

  for (index_t step = 0; step < block.longest(); ++step) {
    const GruStep<S, Tile, memory> at{a, block, width, step};
    const Inputs first = at.inputs(mine);
    // Calls update(element, inputs) for the thread's elements whose histories go on.
    const auto for_elements = [&](auto update) {
      for (index_t e = mine; e < elements; e += threads)
        if (block.has_row(e / width, step)) update(e, e == mine ? first : at.inputs(e));
    };
    if (a.reset == GruReset::after_product) {
      gru_products<3, Tile>(weights, states, width, width, width, parts);
      __syncthreads();
      for_elements([&](index_t e, const Inputs& x) {
        const Accumulator r = sigmoid(x.r + gru_sum<3, Tile>(parts, 0, e, width));
        const Accumulator z = sigmoid(x.z + gru_sum<3, Tile>(parts, 1, e, width));
        const Accumulator k = gru_sum<3, Tile>(parts, 2, e, width) + x.bias_n;
        const Accumulator n = std::tanh(x.n + r * k);
        states[e] = n + z * (states[e] - n);
        at.leave(e, states[e]);
        at.keep(e, 0, r);
        at.keep(e, 1, z);
        at.keep(e, 2, n);
        at.keep(e, 3, k);
      });
    } else {
      gru_products<2, Tile>(weights, states, width, width, width, parts);
      __syncthreads();
      for_elements([&](index_t e, const Inputs& x) {
        const Accumulator r = sigmoid(x.r + gru_sum<2, Tile>(parts, 0, e, width));
        updates[e] = sigmoid(x.z + gru_sum<2, Tile>(parts, 1, e, width));
        resets[e] = r * states[e];
        at.keep(e, 0, r);
        at.keep(e, 1, updates[e]);
        at.keep(e, 3, resets[e]);
      });
      __syncthreads();
      gru_products<1, Tile>(GruWeights<S>{weights.data + 2 * width, weights.stride}, resets, width, width, width,
                            parts);
      __syncthreads();
      for_elements([&](index_t e, const Inputs& x) {
        const Accumulator z = updates[e], n = std::tanh(x.n + (gru_sum<1, Tile>(parts, 0, e, width) + x.bias_n));
        states[e] = states[e] + z * (n - states[e]);
        at.leave(e, states[e]);
        at.keep(e, 2, n);
      });
    }
    __syncthreads();
  }
  if (!a.final) return;
  for (index_t e = mine; e < elements; e += threads)
    if (const index_t i = e / width; block.exists(i)) a.final(block.history(i), e % width) = static_cast<S>(states[e]);
}

/// The forward pass at any width.   @param shared_bytes that a block may have; less than the device has is for tests
template <class S>
void gru_forward_in_memory(BasicContext<S>& context, const GruWalk<S>& a, std::size_t shared_bytes) {
  using Accumulator = accumulator_of<S>;
  const index_t width = a.y.columns();
  const GruPlan plan = gru_plan<S>(segments_of(a.offsets), width, 3, 3, width * gru_weight_stride(width), shared_bytes);
  MatrixView<S, DeviceSpace> laid;
  if (plan.memory != GruMemory::on_chip) {
    laid = context.matrix(width, 3 * width);
    launch<gru_lay_out_kernel<S>>(context, warp_per_row(3 * width), a.weight, laid);
  }
  Accumulator* const far = context.template vector<Accumulator>(plan.far_numbers * plan.shape.grid.x).data;
  const MatrixView<const S, DeviceSpace> read = laid;
  gru_dispatch(plan, [&]<int Tile, GruMemory memory>() {
    launch<gru_forward_kernel<S, Tile, memory>>(context, plan.shape, a, read, far, plan.far_numbers);
  });
}

/// The gates' products with the inputs, and what is left to walk.
template <class S>
GruWalk<S> gru_walk(BasicContext<S>& context, const GruForward<BasicContext<S>>& a) {
  const auto gates = context.matrix(a.y.rows(), 3 * a.y.columns());
  linear_forward(context, LinearForward<BasicContext<S>>{a.x, a.input_weight, a.input_bias, gates});
  return {a, gates};
}

template <class S>
void gru_forward(BasicContext<S>& context, const GruForward<BasicContext<S>>& a) {
  const GruWalk<S> walk = gru_walk(context, a);
  if (a.y.columns() <= gru_register_units<S>)
    gru_forward_in_registers(context, walk);
  else
    gru_forward_in_memory(context, walk, most_shared_bytes());
}

}  // namespace seqrec::cuda
