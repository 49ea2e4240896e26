// SPDX-License-Identifier: Apache-2.0
// The recurrence of a gated recurrent unit with its recurrent weights in registers, forward. Backward:
// gru_registers_backward.cuh. For states of more units than a multiprocessor's registers have room for: gru.cuh.
//
// One block per history, one warp for each 16 units of the state. A lane keeps the weights of two units (l % 8 of the
// warp, and 8 more) for a quarter of their sums' terms and all gates: it reads its terms of the state from shared
// memory, four at once, and two rounds of shuffles add up the quarters, after which two lanes have each unit. States
// take turns in two buffers, so that a step has one barrier (two where the reset comes before the product); what it
// reads of a row's gates was asked for two steps before.
// Memory: the weights once per history, mostly from the second-level cache; reads gates and writes y once, and r, z, n,
// k for backward. Limits: to 128 units in float, 64 in double. Time is the longest history's steps, one after another:
// of a step 3 F^2 / 128 cycles are multiply-adds, and some 250 pass from the last of them to the next step's first.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "seqrec/cuda/activation.cuh"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/gru_walk.cuh"
#include "seqrec/cuda/segments.cuh"
#include "seqrec/ops/gru.hpp"

namespace seqrec::cuda {

/// Units whose recurrent weights fit the registers of a block: a thread, of two for each unit, has 3 F / 2 of them, and
/// can name 255.
template <class S>
inline constexpr index_t gru_register_units = sizeof(accumulator_of<S>) == sizeof(double) ? 64 : 128;

/// Units of a warp.
inline constexpr int gru_warp_units = 16;

/// Four neighbours in memory, which are read at once.
template <class A>
struct alignas(sizeof(A) < 4 ? 4 * sizeof(A) : 16) GruQuad {
  A value[4];
};

/// A block for each history, with two threads for each unit.
inline LaunchShape gru_register_shape(index_t histories, index_t width) {
  const index_t warps = std::max<index_t>((width + gru_warp_units - 1) / gru_warp_units, 1);
  return {dim3(blocks_for(histories, 1)), dim3(static_cast<unsigned>(warps * warp_size))};
}

/// Whether rows of weights can be read in quads.
template <class S>
bool gru_in_quads(MatrixView<const S, DeviceSpace> weight) {
  return weight.columns() % 4 == 0 && weight.stride % 4 == 0 &&
         reinterpret_cast<std::uintptr_t>(weight.data) % alignof(GruQuad<S>) == 0;
}

/// Four elements of a row from `column` on; zeros from `end` on.
template <class A, class S>
__device__ void gru_load_quad(A* quad, const S* row, int column, int end, bool in_quads) {
  if (in_quads) {
    GruQuad<S> read{};
    if (column < end) read = *reinterpret_cast<const GruQuad<S>*>(row + column);
    for (int j = 0; j < 4; ++j) quad[j] = static_cast<A>(read.value[j]);
  } else {
    for (int j = 0; j < 4; ++j) quad[j] = column + j < end ? static_cast<A>(row[column + j]) : A{0};
  }
}

/// What the lanes of a quarter of the terms add up for the gates from `First` on, for two units each.
/// @param states  the quarter's first quad; its next is four quads behind
template <std::size_t First, class A, std::size_t Terms, std::size_t Gates>
__device__ void gru_quarter_of_sums(const A (&weights)[2][3][Terms], const GruQuad<A>* states, A (&sums)[2][Gates]) {
  for (auto& of_unit : sums)
    for (A& sum : of_unit) sum = A{0};
  for (std::size_t quad = 0; quad < Terms / 4; ++quad) {
    const GruQuad<A> state = states[4 * quad];
    for (std::size_t j = 0; j < 4; ++j)
      for (std::size_t unit = 0; unit < 2; ++unit)
        for (std::size_t gate = 0; gate < Gates; ++gate)
          sums[unit][gate] += weights[unit][First + gate][4 * quad + j] * state.value[j];
  }
}

/// Adds up the quarters: `sum` is of the first unit in the lanes of the lower quarters, else of the second.
template <class A, std::size_t Gates>
__device__ void gru_add_quarters(const A (&sums)[2][Gates], bool upper, A (&sum)[Gates]) {
  for (std::size_t gate = 0; gate < Gates; ++gate) {
    const A kept = upper ? sums[1][gate] : sums[0][gate], given = upper ? sums[0][gate] : sums[1][gate];
    const A half = kept + __shfl_xor_sync(all_lanes, given, 16);
    sum[gate] = half + __shfl_xor_sync(all_lanes, half, 8);
  }
}

/// @tparam Quads  of terms in a quarter: the state has at most 16 Quads units
template <class S, int Quads, GruReset reset>
__global__ void __launch_bounds__(32 * Quads) gru_register_forward_kernel(GruWalk<S> a, bool in_quads) {
  using A = accumulator_of<S>;
  constexpr bool after = reset == GruReset::after_product;
  constexpr int buffer = 4 * Quads;  // quads of a state
  // Two states that take turns; or the state, and r h.
  __shared__ shared_array<GruQuad<A>, 2 * buffer> states;
  const int width = static_cast<int>(a.y.columns()), lane = static_cast<int>(threadIdx.x) % warp_size;
  const int quarter = lane / 8, first_unit = static_cast<int>(threadIdx.x) / warp_size * gru_warp_units + lane % 8;
  const bool upper = quarter >= 2, second = quarter % 2 != 0;  // of the unit's two lanes, which share its stores
  const int unit = first_unit + (upper ? 8 : 0);
  const bool real = unit < width;
  const index_t history = blockIdx.x, first = a.offsets(history);
  const int length = static_cast<int>(a.offsets(history + 1) - first);
  const bool writes = real && !second, keeps = real && a.saved, leaves = real && second;
  A state = a.initial && real ? static_cast<A>(a.initial(history, unit)) : A{0};
  if (length == 0) {
    if (a.final && leaves) a.final(history, unit) = static_cast<S>(state);
    return;
  }

  A weights[2][3][static_cast<std::size_t>(4 * Quads)];
  const auto load = [&](int i) {
    const int of = first_unit + 8 * i, end = of < width ? width : 0;
    const S* row = a.weight.row(end > 0 ? of : 0);
    for (int gate = 0; gate < 3; ++gate, row += width * a.weight.stride)
      for (int quad = 0; quad < Quads; ++quad)
        gru_load_quad(&weights[i][gate][4 * quad], row, 4 * (4 * quad + quarter), end, in_quads);
  };
  load(0);  // in place of a loop, which the compiler would not unroll, and so keep the weights in memory
  load(1);
  for (int e = static_cast<int>(threadIdx.x); e < 2 * buffer; e += static_cast<int>(blockDim.x)) states[e] = {};
  __syncthreads();
  // Where the lane reads and where it writes, in the first buffer.
  const GruQuad<A>* read = &states[quarter];
  A* write = &states[unit / 4].value[unit % 4];
  if (writes) *write = state;

  A bias_r = 0, bias_z = 0, bias_n = 0;
  if (a.bias && real) {
    bias_r = static_cast<A>(a.bias(unit));
    bias_z = static_cast<A>(a.bias(width + unit));
    bias_n = static_cast<A>(a.bias(2 * width + unit));
  }
  const S* gates = a.gates.row(first) + unit;
  int left = real ? length : 0;  // rows that have not been asked for
  const auto ask = [&](GruInputs<A>& x) {
    if (left > 0) x = {static_cast<A>(gates[0]), static_cast<A>(gates[width]), static_cast<A>(gates[2 * width])};
    --left;
    gates += a.gates.stride;
  };
  S* y = a.y.row(first) + unit;
  S* saved = keeps ? a.saved.data + (4 * first + (second ? 2 : 0)) * width + unit : y;
  __syncthreads();

  // One step; x is what it reads of the row, and then what the step after the next will. The state is in `from`.
  const auto advance = [&](GruInputs<A>& x, [[maybe_unused]] int from, [[maybe_unused]] int to) {
    A r, z, n, k;
    if constexpr (after) {
      A sums[2][3], sum[3];
      gru_quarter_of_sums<0>(weights, read + from, sums);
      gru_add_quarters(sums, upper, sum);
      r = sigmoid(x.r + (sum[0] + bias_r));
      z = sigmoid(x.z + (sum[1] + bias_z));
      k = sum[2] + bias_n;
      n = std::tanh(x.n + r * k);
      state = n + z * (state - n);
      if (writes) write[4 * to] = state;
    } else {
      A sums[2][2], sum[2], sums_n[2][1], sum_n[1];
      gru_quarter_of_sums<0>(weights, read, sums);
      gru_add_quarters(sums, upper, sum);
      r = sigmoid(x.r + (sum[0] + bias_r));
      z = sigmoid(x.z + (sum[1] + bias_z));
      k = r * state;
      if (writes) write[4 * buffer] = k;
      __syncthreads();
      gru_quarter_of_sums<2>(weights, read + buffer, sums_n);
      gru_add_quarters(sums_n, upper, sum_n);
      n = std::tanh(x.n + (sum_n[0] + bias_n));
      state = state + z * (n - state);
      if (writes) *write = state;
    }
    __syncthreads();
    ask(x);
    if (keeps) {
      saved[0] = static_cast<S>(second ? n : r);
      saved[width] = static_cast<S>(second ? k : z);
    }
    if (leaves) *y = static_cast<S>(state);
    saved += 4 * width;
    y += a.y.stride;
  };
  GruInputs<A> even{}, odd{};
  ask(even);
  ask(odd);
  for (int step = 0; step < length; step += 2) {
    advance(even, 0, buffer);
    if (step + 1 < length) advance(odd, buffer, 0);
  }
  if (a.final && leaves) a.final(history, unit) = static_cast<S>(state);
}

/// The forward pass where `width <= gru_register_units<S>`.
template <class S>
void gru_forward_in_registers(BasicContext<S>& context, const GruWalk<S>& a) {
  const index_t width = a.y.columns();
  const auto launch_kernel = [&]<int Quads>() {
    const LaunchShape shape = gru_register_shape(segments_of(a.offsets), width);
    const bool in_quads = gru_in_quads<S>(a.weight);
    if (a.reset == GruReset::after_product)
      launch<gru_register_forward_kernel<S, Quads, GruReset::after_product>>(context, shape, a, in_quads);
    else
      launch<gru_register_forward_kernel<S, Quads, GruReset::before_product>>(context, shape, a, in_quads);
  };
  const index_t quads = (width + 15) / 16;  // few choices, because each is a kernel to compile
  if constexpr (gru_register_units<S> == 64)
    dispatch_at_least<2, 4>("quads", quads, launch_kernel);
  else
    dispatch_at_least<2, 4, 6, 7, 8>("quads", quads, launch_kernel);
}

}  // namespace seqrec::cuda
