// SPDX-License-Identifier: Apache-2.0
// Gradients of a gated recurrent unit over packed histories. Forward: gru.cuh.
//
// The same walk from the last rows to the first: each element of a state works out the gradients of its gates, and a
// product with the recurrent weights takes them to the state before. The gradients of all rows are then multiplied by
// the states before them, or summed, for those of weights and biases.
// Memory: weights as forward; reads r, z, n, k, y and dy once; writes the gates' gradients twice (for inputs with
// their weights, by linear.cuh, and for the recurrent ones) and the states before all rows once, and reads both for the
// products.
#pragma once

#include "seqrec/cuda/column_sums.cuh"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/gradient.cuh"
#include "seqrec/cuda/gru_registers_backward.cuh"
#include "seqrec/cuda/gru_walk.cuh"
#include "seqrec/cuda/linear.cuh"
#include "seqrec/cuda/weight_gradient.cuh"
#include "seqrec/ops/gru.hpp"

namespace seqrec::cuda {

/// What all elements have in common.
template <class S, int Tile, GruMemory memory>
struct GruStepBack {
  using Accumulator = accumulator_of<S>;

  const GruWalkBack<S>& a;
  const GruBlock<S, Tile, memory>& block;
  index_t width, step;

  /// Of element i F + u; zeros where its history has no such row.
  __device__ GruKept<Accumulator> kept(index_t element) const {
    const index_t i = element / width, u = element % width;
    if (step < 0 || element >= Tile * width || !block.has_row(i, step)) return {};
    const index_t row = block.row(i, step);
    const S* const saved = a.saved.data + 4 * row * width + u;
    GruKept<Accumulator> x{static_cast<Accumulator>(saved[0]),
                           static_cast<Accumulator>(saved[width]),
                           static_cast<Accumulator>(saved[2 * width]),
                           static_cast<Accumulator>(saved[3 * width]),
                           Accumulator{0},
                           static_cast<Accumulator>(a.dy(row, u))};
    if (step > 0)
      x.before = static_cast<Accumulator>(a.y(row - 1, u));
    else if (a.initial)
      x.before = static_cast<Accumulator>(a.initial(block.history(i), u));
    return x;
  }
  /// Leaves the gradient of a gate (r 0, z 1, n 2), and that of what its product is added to.
  __device__ void leave_gate(index_t element, int gate, Accumulator gradient, Accumulator of_product) const {
    const index_t row = block.row(element / width, step), column = gate * width + element % width;
    if (a.dgates) a.dgates(row, column) = static_cast<S>(gradient);
    if (a.dproducts) a.dproducts(row, column) = static_cast<S>(of_product);
  }
  __device__ void leave_before(index_t element, Accumulator state) const {
    if (a.before) a.before(block.row(element / width, step), element % width) = static_cast<S>(state);
  }
};

template <class S, int Tile, GruMemory memory>
__global__ void __launch_bounds__(gru_threads, gru_blocks<Tile>)
    gru_backward_kernel(GruWalkBack<S> a, accumulator_of<S>* far, index_t far_numbers) {
  using Accumulator = accumulator_of<S>;
  using Kept = GruKept<Accumulator>;
  constexpr Accumulator one = 1;
  GruBlock<S, Tile, memory> block(a.offsets, far, far_numbers);
  const index_t width = a.y.columns(), elements = Tile * width, mine = gru_thread(), threads = gru_block();
  Accumulator* const gates = block.take(3 * elements);  // (Tile, 3 F) gradients of what the products are added to
  Accumulator* const rests = block.take(elements);      // of the state before, without what comes through products
  Accumulator* const parts = block.take(elements * blockDim.y);  // of a product's sum
  GruWeights<S> weights{a.weight.data, a.weight.stride};
  if constexpr (memory == GruMemory::on_chip) {
    S* const own = block.rest();
    weights = {own, width};
    for (index_t j = mine / warp_size; j < 3 * width; j += threads / warp_size)
      for (index_t k = mine % warp_size; k < width; k += warp_size) own[j * width + k] = a.weight(j, k);
  }
  for (index_t e = mine; e < elements; e += threads) rests[e] = 0;
  for (index_t e = mine; e < elements * blockDim.y; e += threads) parts[e] = 0;
  // The gradient of a state is what is left in `rests` and the sum of a product's parts.
  const auto of_state = [&](index_t e) { return rests[e] + gru_sum<1, Tile>(parts, 0, e, width); };
  // The products with the weights of gates begin .. begin+count-1.
  const auto products = [&](int begin, int count) {
    gru_products<1, Tile>(GruWeights<S>{weights.data + begin * width * weights.stride, weights.stride},
                          gates + begin * width, 3 * width, count * width, width, parts);
  };
  const auto gate = [&](index_t e, int which) -> Accumulator& {
    return gates[(e / width * 3 + which) * width + e % width];
  };
  __syncthreads();

  GruStepBack<S, Tile, memory> at{a, block, width, block.longest() - 1};
  Kept first = at.kept(mine);
  for (; at.step >= 0; --at.step) {
    const auto for_elements = [&](auto update, auto without_row) {
      for (index_t e = mine; e < elements; e += threads)
        if (block.has_row(e / width, at.step))
          update(e, e == mine ? first : at.kept(e));
        else
          without_row(e);
    };
    const auto no_gradient = [&](index_t e) { gate(e, 0) = gate(e, 1) = gate(e, 2) = 0; };
    const auto nothing = [](index_t) {};
    const auto next_of_mine = [&] {
      GruStepBack<S, Tile, memory> next = at;
      --next.step;
      return next.kept(mine);
    };
    if (a.reset == GruReset::after_product) {
      for_elements(
          [&](index_t e, const Kept& x) {
            const Accumulator d = of_state(e) + x.dy, dn = d * (one - x.z) * (one - x.n * x.n);
            const Accumulator dr = dn * x.k * x.r * (one - x.r), dz = d * (x.before - x.n) * x.z * (one - x.z);
            gate(e, 0) = dr;
            gate(e, 1) = dz;
            gate(e, 2) = dn * x.r;
            rests[e] = d * x.z;
            at.leave_before(e, x.before);
            at.leave_gate(e, 0, dr, dr);
            at.leave_gate(e, 1, dz, dz);
            at.leave_gate(e, 2, dn, dn * x.r);
          },
          no_gradient);
      __syncthreads();
      first = next_of_mine();
      products(0, 3);
    } else {
      for_elements(
          [&](index_t e, const Kept& x) {
            const Accumulator d = of_state(e) + x.dy, dn = d * x.z * (one - x.n * x.n);
            const Accumulator dz = d * (x.n - x.before) * x.z * (one - x.z);
            gate(e, 1) = dz;
            gate(e, 2) = dn;
            rests[e] = d * (one - x.z);
            at.leave_before(e, x.before);
            at.leave_gate(e, 1, dz, dz);
            at.leave_gate(e, 2, dn, dn);
          },
          no_gradient);
      __syncthreads();
      products(2, 1);
      __syncthreads();
      for_elements(
          [&](index_t e, const Kept& x) {
            const Accumulator dk = gru_sum<1, Tile>(parts, 0, e, width), dr = dk * x.before * x.r * (one - x.r);
            gate(e, 0) = dr;
            rests[e] += dk * x.r;
            at.leave_gate(e, 0, dr, dr);
          },
          nothing);
      __syncthreads();
      first = next_of_mine();
      products(0, 2);
    }
    __syncthreads();
  }
  for (index_t e = mine; e < elements; e += threads)
    if (const index_t i = e / width; block.exists(i))
      leave(a.dinitial, block.history(i), e % width, static_cast<S>(of_state(e)));
}

/// The walk back at any width.   @param shared_bytes that a block may have; less than the device has is for tests
template <class S>
void gru_back_in_memory(BasicContext<S>& context, const GruWalkBack<S>& a, std::size_t shared_bytes) {
  using Accumulator = accumulator_of<S>;
  const index_t width = a.y.columns();
  const GruPlan plan = gru_plan<S>(segments_of(a.offsets), width, 4, 1, 3 * width * width, shared_bytes);
  Accumulator* const far = context.template vector<Accumulator>(plan.far_numbers * plan.shape.grid.x).data;
  gru_dispatch(plan, [&]<int Tile, GruMemory memory>() {
    launch<gru_backward_kernel<S, Tile, memory>>(context, plan.shape, a, far, plan.far_numbers);
  });
}

/// Adds the gradients of the recurrent weights and biases, after the walk.
template <class S>
void gru_add_weight_gradients(BasicContext<S>& context, const GruWalkBack<S>& a) {
  const index_t rows = a.y.rows(), width = a.y.columns();
  if (!a.dweight && a.dbias) add_column_sums(context, rows, MatrixValues<S>{a.dproducts}, a.dbias);
  if (!a.dweight || rows == 0) return;
  const auto add_gradients = [&](MatrixView<const S, DeviceSpace> inputs, index_t first, index_t outputs) {
    add_weight_gradient<S>(context, a.dproducts.column_range(first, outputs), inputs,
                           a.dweight.row_range(first, outputs), a.dbias ? a.dbias.row_range(first, outputs) : a.dbias);
  };
  if (a.reset == GruReset::after_product) return add_gradients(a.before, 0, 3 * width);
  // Where the reset comes before the product, n's is with r h, which is what forward kept as k.
  add_gradients(a.before, 0, 2 * width);
  add_gradients({a.saved.data + 3 * width, rows, width, 4 * width}, 2 * width, width);
}

/// @param walk_back(what it reads and leaves)
template <class S, class WalkBack>
void gru_backward_by(BasicContext<S>& context, const GruBackward<BasicContext<S>>& a, WalkBack walk_back) {
  const index_t rows = a.y.rows(), width = a.y.columns();
  GruWalkBack<S> walk{a, {}, {}, {}};
  if (a.dx || a.dinput_weight || a.dinput_bias) walk.dgates = context.matrix(rows, 3 * width);
  if (a.dweight) walk.before = context.matrix(rows, width);
  if (a.dweight || a.dbias) walk.dproducts = context.matrix(rows, 3 * width);
  walk_back(walk);
  gru_add_weight_gradients(context, walk);
  if (walk.dgates)
    linear_backward(context, LinearBackward<BasicContext<S>>{
                                 a.x, a.input_weight, {}, walk.dgates, a.dx, a.dinput_weight, a.dinput_bias});
}

template <class S>
void gru_backward(BasicContext<S>& context, const GruBackward<BasicContext<S>>& a) {
  gru_backward_by(context, a, [&](const GruWalkBack<S>& walk) {
    if (a.y.columns() <= gru_register_units<S>)
      gru_back_in_registers(context, walk);
    else
      gru_back_in_memory(context, walk, most_shared_bytes());
  });
}

}  // namespace seqrec::cuda
