// SPDX-License-Identifier: Apache-2.0
// A mixture of feed-forward networks: each row by the experts that it was routed to, forward and backward.
//
// Products are grouped by expert (moe_product.cuh); bias, rectifier and dropout happen on the way out of the first.
// What a row's experts made is added up by one warp per row, one lane a column, in the experts' order. Memory, beside
// the products: forward writes and reads the experts' results (N K, D) once; backward the gradients of the hidden units
// (N K, F) twice, and those of the rows (N K, D) once.
#pragma once

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/dropout.cuh"
#include "seqrec/cuda/gradient.cuh"
#include "seqrec/cuda/moe_product.cuh"
#include "seqrec/cuda/reduce.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/ops/moe_ffn.hpp"

namespace seqrec::cuda {

/// Leaves a product as it is.
template <class S>
struct MoeStore {
  MatrixView<S, DeviceSpace> result;
  __device__ void operator()(index_t, index_t place, index_t column, accumulator_of<S> sum) const {
    result(place, column) = static_cast<S>(sum);
  }
};

/// Leaves dropout(relu(sum + bias)). An element's mask is that of row and expert.
template <class S>
struct MoeHidden {
  MatrixView<S, DeviceSpace> hidden;
  MatrixView<const S, DeviceSpace> bias;         ///< (X, F)
  VectorView<const offset_t, DeviceSpace> rows;  ///< (N K) of the routing
  DropoutFactors<S> factors;                     ///< whose rows are row X + expert, rows counted in the batch
  index_t first_row;                             ///< of the shard in its batch

  __device__ void operator()(index_t expert, index_t place, index_t unit, accumulator_of<S> sum) const {
    const auto value = static_cast<S>(sum + static_cast<accumulator_of<S>>(bias(expert, unit)));
    const S factor = factors((first_row + rows(place)) * bias.rows() + expert, unit);
    hidden(place, unit) = value < S{0} ? S{0} : value * factor;
  }
};

/// y_n = base_n + sum_k weight_nk (result of the assignment + bias of its expert).
template <class S>
__global__ void moe_combine_kernel(MoeFfnForward<BasicContext<S>> a, MatrixView<const S, DeviceSpace> results) {
  using A = accumulator_of<S>;
  const index_t n = row_of_warp();
  if (n >= a.y.rows()) return;
  for_columns_of_lane(a.y.columns(), [&](index_t column) {
    A sum = a.base ? static_cast<A>(a.base(n, column)) : A(0);
    for (index_t k = 0; k < a.weights.columns(); ++k)
      sum += static_cast<A>(a.weights(n, k)) * (static_cast<A>(results(a.routing.places(n, k), column)) +
                                                static_cast<A>(a.experts.bias2(a.routing.experts(n, k), column)));
    a.y(n, column) = static_cast<S>(sum);
  });
}

template <class S>
void moe_ffn_forward(BasicContext<S>& context, const MoeFfnForward<BasicContext<S>>& a) {
  const index_t width = a.x.columns(), units = a.hidden.columns();
  Dropout of_experts = a.dropout;
  of_experts.first_row = 0;
  const MoeHidden<S> hidden{a.hidden, a.experts.bias1, a.routing.rows, DropoutFactors<S>(of_experts),
                            a.dropout.first_row};
  moe_rows_product<true>(context, a.routing, MoeRows<S>{a.x, a.routing.rows}, a.experts.weight1, units, hidden);
  const auto results = context.matrix(a.routing.num_assignments(), width);
  moe_rows_product<true>(context, a.routing, MoeRows<S>{a.hidden}, a.experts.weight2, width, MoeStore<S>{results});
  const MatrixView<const S, DeviceSpace> read = results;
  launch<moe_combine_kernel<S>>(context, warp_per_row(a.y.rows()), a, read);
}

/// Takes the gradients of hidden units, which come without the weight of the row's expert, back through weight, dropout
/// and rectifier; leaves the gradients of weights, and each assignment's weight at its place. One warp per assignment.
template <class S>
__global__ void moe_hidden_backward_kernel(MoeFfnBackward<BasicContext<S>> a, MatrixView<S, DeviceSpace> dhidden,
                                           VectorView<S, DeviceSpace> weights, S scale) {
  using A = accumulator_of<S>;
  const index_t assignment = row_of_warp(), chosen = a.weights.columns();
  if (assignment >= dhidden.rows()) return;
  const index_t n = assignment / chosen, k = assignment % chosen;
  const index_t place = a.routing.places(n, k), expert = a.routing.experts(n, k);
  const S weight = a.weights(n, k);
  A dweight = 0;
  for_columns_of_lane(dhidden.columns(), [&](index_t unit) {
    const S h = a.hidden(place, unit), d = dhidden(place, unit);
    dweight += static_cast<A>(h) * static_cast<A>(d);
    // h > 0 says both that the unit was positive and that dropout kept it.
    dhidden(place, unit) = h > S{0} ? weight * scale * d : S{0};
  });
  if (a.dweights.view) {
    // The expert's result is W2 h + b2, so its product with dy is that of h with W2' dy, and of b2 with dy.
    for_columns_of_lane(a.dy.columns(), [&](index_t column) {
      dweight += static_cast<A>(a.experts.bias2(expert, column)) * static_cast<A>(a.dy(n, column));
    });
    dweight = warp_sum(dweight);
    if (threadIdx.x == 0) leave(a.dweights, n, k, static_cast<S>(dweight));
  }
  if (threadIdx.x == 0) weights(place) = weight;
}

/// dx_n = the sum of its assignments' gradients.
template <class S>
__global__ void moe_dx_kernel(MoeFfnBackward<BasicContext<S>> a, MatrixView<const S, DeviceSpace> gradients) {
  using A = accumulator_of<S>;
  const index_t n = row_of_warp();
  if (n >= a.x.rows()) return;
  for_columns_of_lane(a.x.columns(), [&](index_t column) {
    A sum = 0;
    for (index_t k = 0; k < a.weights.columns(); ++k) sum += static_cast<A>(gradients(a.routing.places(n, k), column));
    leave(a.dx, n, column, static_cast<S>(sum));
  });
}

template <class S>
void moe_ffn_backward(BasicContext<S>& context, const MoeFfnBackward<BasicContext<S>>& a) {
  const index_t width = a.x.columns(), units = a.hidden.columns(), assignments = a.routing.num_assignments();
  const auto dhidden = context.matrix(assignments, units);
  const auto weights = context.vector(assignments);
  const MoeRows<S> x{a.x, a.routing.rows};
  moe_rows_product<false>(context, a.routing, MoeRows<S>{a.dy, a.routing.rows}, a.experts.weight2, units,
                          MoeStore<S>{dhidden});
  launch<moe_hidden_backward_kernel<S>>(context, warp_per_row(assignments), a, dhidden, weights,
                                        static_cast<S>(a.dropout.scale()));
  const MoeRows<S> weighted_dy{a.dy, a.routing.rows, weights}, gradients{dhidden};
  if (a.dweight1) moe_add_weights_product(context, a.routing, gradients, x, a.dweight1);
  if (a.dbias1) moe_add_bias(context, a.routing, gradients, a.dbias1);
  if (a.dweight2) moe_add_weights_product(context, a.routing, weighted_dy, MoeRows<S>{a.hidden}, a.dweight2);
  if (a.dbias2) moe_add_bias(context, a.routing, weighted_dy, a.dbias2);
  if (!a.dx) return;
  const auto dx = context.matrix(assignments, width);
  moe_rows_product<false>(context, a.routing, gradients, a.experts.weight1, width, MoeStore<S>{dx});
  const MatrixView<const S, DeviceSpace> read = dx;
  launch<moe_dx_kernel<S>>(context, warp_per_row(a.x.rows()), a, read);
}

}  // namespace seqrec::cuda
