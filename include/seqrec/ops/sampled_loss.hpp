// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "seqrec/core/tensor.hpp"
#include "seqrec/ops/fallback.hpp"

namespace seqrec {

/// Binary cross-entropy of a target against sampled negatives (SASRec, Kang & McAuley 2018, eq. 6):
/// loss = softplus(-s_0) + sum over j >= 1 of softplus(s_j).
///
/// A row loss is a function object: it maps a row's scores (target first) to a loss and overwrites each score with the
/// derivative. Kernels of all backends call it, so it must be usable on a device.
struct BinaryCrossEntropy {
  static constexpr const char* name = "binary cross-entropy";

  template <class Real>
  SEQREC_HOST_DEVICE double operator()(Real* scores, index_t count) const {
    double loss = 0;
    for (index_t j = 0; j < count; ++j) {
      const double score = scores[j];
      const double tail = exp(-fabs(score));  // in (0, 1]: neither overflows
      const double wrong = j == 0 ? -score : score;
      loss += (wrong > 0 ? wrong : 0.0) + log1p(tail);
      const double probability = score >= 0 ? 1.0 / (1.0 + tail) : tail / (1.0 + tail);
      scores[j] = static_cast<Real>(j == 0 ? probability - 1.0 : probability);
    }
    return loss;
  }
};

/// loss_r = scale RowLoss(h_r e_{items(r, 0)}, h_r e_{items(r, 1)}, ...): a target against a few sampled items.
///
/// Writes d loss / d score into `coefficients`; the gradient of the item table follows by `add_rows` from there.
template <class Context, class RowLoss>
struct SampledLoss {
  const_matrix_of<Context> states;                          ///< (N, D) h
  const_matrix_of<Context> table;                           ///< (V, D) e
  MatrixView<const item_t, typename Context::Space> items;  ///< (N, S) the target first
  double scale = 1;                                         ///< 1 / targets of the whole step
  VectorView<double, typename Context::Space> losses;       ///< (N) written
  vector_of<Context> coefficients;                          ///< (N S) written: scale d loss / d score
  matrix_of<Context> dstates;                               ///< (N, D) written; null if not wanted
  RowLoss row_loss;
};

namespace ops {

SEQREC_OP_FALLBACK(sampled_loss)

/// @throws ShapeError when extents disagree. Cost: 2 N S D operations, 4 N S D with dstates.
template <class Context, class RowLoss>
void sampled_loss(Context& context, const SampledLoss<Context, RowLoss>& a) {
  constexpr const char* op = "sampled_loss";
  check_extent(op, "columns of table", a.table.columns(), a.states.columns());
  check_extent(op, "rows of items", a.items.rows(), a.states.rows());
  if (a.items.columns() < 1)
    throw ShapeError(concatenate(op, ": columns of items is ", a.items.columns(), ", expected at least 1, the target"));
  check_extent(op, "size of losses", a.losses.size(), a.states.rows());
  check_extent(op, "size of coefficients", a.coefficients.size(), a.items.size());
  if (a.dstates) {
    check_extent(op, "rows of dstates", a.dstates.rows(), a.states.rows());
    check_extent(op, "columns of dstates", a.dstates.columns(), a.states.columns());
  }
  using fallback::sampled_loss;
  sampled_loss(context, a);
}

}  // namespace ops
}  // namespace seqrec
