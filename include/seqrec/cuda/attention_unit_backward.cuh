// SPDX-License-Identifier: Apache-2.0
// The small network of candidate attention over pairs, backward.
//
// Products of cuBLAS with the epilogues of unit_activation.cuh between them; a warp per row of a weight puts parts
// together. Memory, beside the products: each layer's values are read twice, its gradients read and written once.
#pragma once

#include "seqrec/cuda/attention_unit.cuh"
#include "seqrec/cuda/column_sums.cuh"
#include "seqrec/cuda/gemm.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/ops/candidate_attention.hpp"

namespace seqrec::cuda {

/// Adds the gradients of the parts to the first layer's.   @param dweight (F1, 4 D)
template <class S>
__global__ void separate_gradients_kernel(SeparateParts<S> dparts, master_matrix_of<BasicContext<S>> dweight) {
  const index_t row = row_of_warp(), width = dparts.of_keys.columns();
  if (row >= dweight.rows()) return;
  for_columns_of_lane(width, [&](index_t column) {
    const S of_query = dparts.of_queries(row, column), of_key = dparts.of_keys(row, column);
    dweight(row, column) += of_query;
    dweight(row, width + column) += of_key;
    dweight(row, 2 * width + column) += of_query - of_key;
  });
}

/// Takes gradients of scores back to the first layer's values, and adds those of the weights on the way.
/// @param saved the forward's   @param dscores (pairs, H)   @return (pairs, F1)
template <class S>
MatrixView<S, DeviceSpace> unit_backward(BasicContext<S>& context, const AttentionUnit<BasicContext<S>>& unit,
                                         VectorView<const S, DeviceSpace> saved,
                                         MatrixView<const S, DeviceSpace> dscores) {
  using Ctx = BasicContext<S>;
  using Matrix = MatrixView<S, DeviceSpace>;
  const index_t pairs = dscores.rows();
  const_matrix_of<Ctx> before[AttentionUnit<Ctx>::most_hidden];
  for (index_t l = 0, first = 0; l < unit.layers; ++l) {
    before[l] = {saved.data + first, pairs, unit.units(l)};
    first += before[l].size();
  }
  const auto activations = [&](index_t l) {
    const Matrix y = context.matrix(pairs, unit.units(l));
    unit_activation_forward(context, UnitActivationForward<Ctx>{before[l], unit.hidden[l].activation, y, {}});
    return y;
  };
  // Backward through one layer's activation, in place, when `dz` is the gradient of what comes after it.
  const auto through_activation = [&](index_t l, Matrix dz) {
    unit_activation_backward(
        context, UnitActivationBackward<Ctx>{before[l], unit.hidden[l].activation, dz, {dz, GradientMode::write}, {}});
    if (unit.hidden[l].dbias) add_column_sums(context, pairs, MatrixValues<S>{dz}, unit.hidden[l].dbias);
  };

  const index_t last = unit.layers - 1;
  if (unit.dweight) gemm(context, transposed(dscores), activations(last), unit.dweight, GradientMode::add);
  if (unit.dbias) add_column_sums(context, pairs, MatrixValues<S>{dscores}, unit.dbias);
  Matrix dz = context.matrix(pairs, unit.units(last));
  gemm(context, dscores, unit.weight, dz);
  through_activation(last, dz);
  for (index_t l = last; l > 0; --l) {
    const auto& layer = unit.hidden[l];
    if (layer.dweight) gemm(context, transposed(dz), activations(l - 1), layer.dweight, GradientMode::add);
    const Matrix dinput = context.matrix(pairs, unit.units(l - 1));
    gemm(context, dz, layer.weight, dinput);
    through_activation(l - 1, dinput);
    dz = dinput;
  }
  return dz;
}

}  // namespace seqrec::cuda
