// SPDX-License-Identifier: Apache-2.0
// The way back of a gated recurrent unit with its recurrent weights in registers. Forward: gru_registers.cuh; what is
// done with the gradients: gru_backward.cuh.
//
// One block per history, one warp for each 16 units. A lane keeps the weights between four of its warp's units (4 (l %
// 4) and on) and an eighth of the 3 F gradients of gates, which all lanes read from shared memory, four at once. Three
// rounds of shuffles add up the eighths, after which two lanes have each unit: they turn its gradient into those of its
// gates by factors that were worked out before the sum was known, and leave them in the other of two buffers, so that a
// step has one barrier (two where the reset comes before the product). Rows were asked for two steps before.
// Memory: the weights once per history; reads r, z, n, k, y and dy once; writes the gates' gradients twice and the
// states before all rows once. Limits: as forward.
#pragma once

#include <cstddef>

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/gru_registers.cuh"
#include "seqrec/cuda/gru_walk.cuh"
#include "seqrec/ops/gru.hpp"

namespace seqrec::cuda {

/// What a unit's gradient is multiplied by to get those of its gates and of the state before; the gradient that is
/// added to it; and r.
template <class A>
struct GruFactors {
  A gate_r, gate_z, gate_n, state, dy, r;
};

/// @param of_product  whether gate_n is for the gradient of what n's product is added to, not for that of n's sum
/// @tparam reset      where it is before the product, gate_r is what the gradient of r h is multiplied by
template <GruReset reset, class A>
__device__ GruFactors<A> gru_factors(const GruKept<A>& x, bool of_product) {
  constexpr A one = 1;
  if constexpr (reset == GruReset::after_product) {
    const A n = (one - x.z) * (one - x.n * x.n), product = n * x.r;
    return {
        product * x.k * (one - x.r), (x.before - x.n) * (x.z * (one - x.z)), of_product ? product : n, x.z, x.dy, x.r};
  } else {
    return {x.before * (x.r * (one - x.r)),
            (x.n - x.before) * (x.z * (one - x.z)),
            x.z * (one - x.n * x.n),
            one - x.z,
            x.dy,
            x.r};
  }
}

/// What the lanes of an eighth of the gradients add up, for four units each, over the quads `First` .. `First+Count-1`.
/// @param gradients  the eighth's first quad; its next is eight quads behind
template <int First, int Count, class A, std::size_t Terms>
__device__ void gru_eighth_of_sums(const A (&weights)[Terms][4], const GruQuad<A>* gradients, A (&sums)[4]) {
  for (A& sum : sums) sum = A{0};
  for (int quad = First; quad < First + Count; ++quad) {
    const GruQuad<A> four = gradients[8 * quad];
    for (int j = 0; j < 4; ++j)
      for (int unit = 0; unit < 4; ++unit) sums[unit] += weights[4 * quad + j][unit] * four.value[j];
  }
}

/// Adds up the eighths. @return the sum of unit l / 8
template <class A>
__device__ A gru_add_eighths(const A (&sums)[4], bool upper, bool odd) {
  A half[2];
  for (int i = 0; i < 2; ++i)
    half[i] = (upper ? sums[2 + i] : sums[i]) + __shfl_xor_sync(all_lanes, upper ? sums[i] : sums[2 + i], 16);
  const A sum = (odd ? half[1] : half[0]) + __shfl_xor_sync(all_lanes, odd ? half[0] : half[1], 8);
  return sum + __shfl_xor_sync(all_lanes, sum, 4);
}

/// @tparam Quads     of gradients in an eighth: there are at most 32 Quads. Where the reset comes before the product,
///                   the last third is n's
template <class S, int Quads, GruReset reset>
__global__ void __launch_bounds__(32 * ((2 * Quads + 2) / 3))
    gru_register_backward_kernel(GruWalkBack<S> a, bool in_quads) {
  using A = accumulator_of<S>;
  constexpr bool after = reset == GruReset::after_product;
  constexpr int buffer = 8 * Quads;                        // quads of the gradients
  constexpr int quads_rz = after ? Quads : 2 * Quads / 3;  // of an eighth, before n's own
  __shared__ shared_array<GruQuad<A>, (after ? 2 : 1) * buffer> gradients;
  const int width = static_cast<int>(a.y.columns()), lane = static_cast<int>(threadIdx.x) % warp_size;
  const int eighth = lane / 4, first_unit = static_cast<int>(threadIdx.x) / warp_size * gru_warp_units + lane % 4 * 4;
  const bool upper = (lane & 16) != 0, odd = (lane & 8) != 0;
  const bool second = (lane & 4) != 0;  // of the unit's two lanes, which share its stores
  const int unit = first_unit + lane / 8;
  const bool real = unit < width;
  const index_t history = blockIdx.x, first = a.offsets(history);
  const int length = static_cast<int>(a.offsets(history + 1) - first);
  if (length == 0) {
    if (real && !second) leave(a.dinitial, history, unit, S{0});
    return;
  }

  A weights[static_cast<std::size_t>(4 * Quads)][4];
  const auto load = [&](int from, int to, int first_row, int rows) {
    for (int quad = from; quad < to; ++quad)
      for (int j = 0; j < 4; ++j) {
        const int row = 4 * (8 * (quad - from) + eighth) + j;
        const bool exists = row < rows;
        gru_load_quad(weights[4 * quad + j], a.weight.row(exists ? first_row + row : 0), first_unit, exists ? width : 0,
                      in_quads);
      }
  };
  if constexpr (after) {
    load(0, Quads, 0, 3 * width);
  } else {
    load(0, quads_rz, 0, 2 * width);
    load(quads_rz, Quads, 2 * width, width);
  }
  for (int e = static_cast<int>(threadIdx.x); e < (after ? 2 : 1) * buffer; e += static_cast<int>(blockDim.x))
    gradients[e] = {};

  // Where the lane reads and where it writes, in the first buffer.
  const GruQuad<A>* const read = &gradients[eighth];
  A* const write = &gradients[0].value[0] + unit;
  A* const write_n = write + (after ? 2 * width : 32 * quads_rz);
  const bool writes = real && !second, writes_n = real && second;
  // Of the two lanes the first leaves the gates' gradients, the second those of what the products are added to.
  const MatrixView<S, DeviceSpace> left = second ? a.dproducts : a.dgates;
  const bool leaves = real && left, leaves_before = writes && a.before;
  const index_t last = first + length - 1;
  S* leave_at = leaves ? left.row(last) + unit : nullptr;
  S* before_at = leaves_before ? a.before.row(last) + unit : nullptr;
  const auto leave_gates = [&](A r, A z, A n) {
    if (!leaves) return;
    leave_at[0] = static_cast<S>(r);
    leave_at[width] = static_cast<S>(z);
    leave_at[2 * width] = static_cast<S>(n);
    leave_at -= 3 * width;
  };

  const int read_unit = real ? unit : 0;  // what a lane without a unit reads is of no consequence
  const S *saved = a.saved.data + 4 * last * width + read_unit, *dy = a.dy.row(last) + read_unit,
          *y = a.y.row(last) + read_unit;
  int unread = length;  // rows that have not been asked for
  const auto ask = [&](GruKept<A>& x) {
    if (unread > 0) {
      x = {static_cast<A>(saved[0]),
           static_cast<A>(saved[width]),
           static_cast<A>(saved[2 * width]),
           static_cast<A>(saved[3 * width]),
           A{0},
           static_cast<A>(dy[0])};
      y -= a.y.stride;
      if (unread > 1)
        x.before = static_cast<A>(*y);
      else if (a.initial)
        x.before = static_cast<A>(a.initial(history, read_unit));
    }
    --unread;
    saved -= 4 * width;
    dy -= a.dy.stride;
  };
  // The factors of the row in x, which is left to the one that comes two rows later.
  GruFactors<A> now{};
  const auto take = [&](GruKept<A>& x) {
    now = gru_factors<reset>(x, second);
    if (leaves_before && unread > -2) {  // else there is no such row
      *before_at = static_cast<S>(x.before);
      before_at -= width;
    }
    ask(x);
  };
  GruKept<A> even{}, odd_row{};
  ask(even);
  ask(odd_row);
  take(even);
  A rest = 0, sum = 0;  // of a state's gradient: what does not come through products, and what does
  __syncthreads();

  // One step. x is what it reads of the row before, and then what the step after the next will.
  const auto advance = [&](GruKept<A>& x, [[maybe_unused]] int to) {
    const A d = (rest + sum) + now.dy;
    rest = d * now.state;
    A sums[4];
    if constexpr (after) {
      const A dr = d * now.gate_r, dz = d * now.gate_z, dn = d * now.gate_n;
      if (writes) {
        write[4 * to] = dr;
        write[4 * to + width] = dz;
      }
      if (writes_n) write_n[4 * to] = dn;
      __syncthreads();
      leave_gates(dr, dz, dn);
      take(x);
      gru_eighth_of_sums<0, Quads>(weights, read + to, sums);
    } else {
      const A dz = d * now.gate_z, dn = d * now.gate_n;
      if (writes_n) *write_n = dn;
      __syncthreads();
      gru_eighth_of_sums<quads_rz, Quads - quads_rz>(weights, read, sums);
      const A of_reset = gru_add_eighths(sums, upper, odd), dr = of_reset * now.gate_r;
      rest += of_reset * now.r;
      if (writes) {
        write[0] = dr;
        write[width] = dz;
      }
      __syncthreads();
      leave_gates(dr, dz, dn);
      take(x);
      gru_eighth_of_sums<0, quads_rz>(weights, read, sums);
    }
    sum = gru_add_eighths(sums, upper, odd);
  };
  const int end = unread - length;
  // Each step asks for a row, of which the last are not there.
  while (unread > end) {  // NOLINT(bugprone-infinite-loop): advance counts it
    advance(odd_row, 0);
    if (unread > end) advance(even, after ? buffer : 0);
  }
  if (writes) leave(a.dinitial, history, unit, static_cast<S>(rest + sum));
}

/// The walk back where `width <= gru_register_units<S>`.
template <class S>
void gru_back_in_registers(BasicContext<S>& context, const GruWalkBack<S>& a) {
  const index_t width = a.y.columns();
  const LaunchShape shape = gru_register_shape(segments_of(a.offsets), width);
  const bool in_quads = gru_in_quads<S>(a.weight);
  const auto launch_after = [&]<int Quads>() {
    launch<gru_register_backward_kernel<S, Quads, GruReset::after_product>>(context, shape, a, in_quads);
  };
  const auto launch_before = [&]<int Quads>() {
    launch<gru_register_backward_kernel<S, Quads, GruReset::before_product>>(context, shape, a, in_quads);
  };
  constexpr bool narrow = gru_register_units<S> == 64;
  const index_t quads = (3 * width + 31) / 32, quads_of_gate = (width + 31) / 32;
  if (a.reset == GruReset::before_product) {
    if constexpr (narrow)
      dispatch_at_least<3, 6>("quads", 3 * quads_of_gate, launch_before);
    else
      dispatch_at_least<3, 6, 9, 12>("quads", 3 * quads_of_gate, launch_before);
  } else if constexpr (narrow) {
    dispatch_at_least<3, 6>("quads", quads, launch_after);
  } else {
    dispatch_at_least<3, 6, 9, 10, 12>("quads", quads, launch_after);
  }
}

}  // namespace seqrec::cuda
