// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/dropout.hpp"
#include "seqrec/ops/dropout_residual_layer_norm.hpp"

namespace seqrec::cpu {

template <class S, int W>
void dropout_residual_layer_norm_forward(BasicContext<S, W>& context,
                                         const DropoutResidualLayerNormForward<BasicContext<S, W>>& a) {
  const index_t width = a.x.columns();
  const S inverse_width = S(1) / static_cast<S>(width), epsilon = static_cast<S>(a.epsilon);
  DropoutRows kept(context, a.dropout, a.x.rows(), width);
  const auto gamma = array(a.gamma.data, width), beta = array(a.beta.data, width);
  for (index_t i = 0; i < a.x.rows(); ++i) {
    const S* normalised = a.x.row(i);
    if (a.residual) {
      auto sum = row_array(a.sum, i);
      if (kept.active())
        sum = row_array(a.residual, i) + row_array(a.x, i) * array(kept.row(i), width);
      else
        sum = row_array(a.residual, i) + row_array(a.x, i);
      normalised = a.sum.row(i);
    }
    const auto s = array(normalised, width);
    const S mean = sum_in_one_order(s) * inverse_width;
    const S variance = (s - mean).square().sum() * inverse_width;
    const S rstd = S(1) / std::sqrt(variance + epsilon);
    row_array(a.y, i) = (s - mean) * rstd * gamma + beta;
    a.mean(i) = mean;
    a.rstd(i) = rstd;
  }
}

template <class S, int W>
void dropout_residual_layer_norm_backward(BasicContext<S, W>& context,
                                          const DropoutResidualLayerNormBackward<BasicContext<S, W>>& a) {
  const index_t width = a.sum.columns();
  const S inverse_width = S(1) / static_cast<S>(width);
  DropoutRows kept(context, a.dropout, a.sum.rows(), width);
  auto normalised = array(context.vector(width).data, width), ds = array(context.vector(width).data, width);
  const auto gamma = array(a.gamma.data, width);
  for (index_t i = 0; i < a.sum.rows(); ++i) {
    if (a.dy) {
      const auto dy = row_array(a.dy, i);
      normalised = (row_array(a.sum, i) - a.mean(i)) * a.rstd(i);
      if (a.dgamma) array(a.dgamma.data, width) += dy * normalised;
      if (a.dbeta) array(a.dbeta.data, width) += dy;
      ds = dy * gamma;
      const S mean = ds.sum() * inverse_width, slope = (ds * normalised).sum() * inverse_width;
      ds = (ds - mean - normalised * slope) * a.rstd(i);
      if (a.dsum) ds += row_array(a.dsum, i);
    } else if (a.dsum) {
      ds = row_array(a.dsum, i);
    } else {
      ds.setZero();
    }
    leave_row(a.dresidual, i, ds);
    if (!a.dx) continue;
    if (kept.active())
      leave_row(a.dx, i, ds * array(kept.row(i), width));
    else
      leave_row(a.dx, i, ds);
  }
}

}  // namespace seqrec::cpu
