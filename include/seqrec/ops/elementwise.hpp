// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/jagged.hpp"
#include "seqrec/ops/fallback.hpp"

namespace seqrec {

/// target = source.
template <class Context>
struct Copy {
  const_matrix_of<Context> source;  ///< (N, D)
  matrix_of<Context> target;        ///< (N, D)
};

/// target += source.
template <class Context>
struct Add {
  const_matrix_of<Context> source;  ///< (N, D)
  matrix_of<Context> target;        ///< (N, D)
};

/// y_b = x_{offsets(b+1) - 1}: each history's last row; zeros for an empty history.
template <class Context>
struct LastRows {
  const_matrix_of<Context> x;                                   ///< (N, D)
  VectorView<const offset_t, typename Context::Space> offsets;  ///< (B+1)
  matrix_of<Context> y;                                         ///< (B, D) written
};

/// Adds the losses to the context's sum, in double and in row order.
template <class Context>
struct AccumulateLoss {
  VectorView<const double, typename Context::Space> losses;  ///< (N)
};

namespace ops {

SEQREC_OP_FALLBACK(copy)
SEQREC_OP_FALLBACK(add)
SEQREC_OP_FALLBACK(last_rows)
SEQREC_OP_FALLBACK(accumulate_loss)

/// @throws ShapeError when extents disagree
template <class Context>
void copy(Context& context, const Copy<Context>& a) {
  check_extent("copy", "rows of target", a.target.rows(), a.source.rows());
  check_extent("copy", "columns of target", a.target.columns(), a.source.columns());
  using fallback::copy;
  copy(context, a);
}

/// @throws ShapeError when extents disagree
template <class Context>
void add(Context& context, const Add<Context>& a) {
  check_extent("add", "rows of target", a.target.rows(), a.source.rows());
  check_extent("add", "columns of target", a.target.columns(), a.source.columns());
  using fallback::add;
  add(context, a);
}

/// @throws ShapeError when extents disagree
template <class Context>
void last_rows(Context& context, const LastRows<Context>& a) {
  check_extent("last_rows", "rows of y", a.y.rows(), a.offsets.size() - 1);
  check_extent("last_rows", "columns of y", a.y.columns(), a.x.columns());
  using fallback::last_rows;
  last_rows(context, a);
}

template <class Context>
void accumulate_loss(Context& context, const AccumulateLoss<Context>& a) {
  using fallback::accumulate_loss;
  accumulate_loss(context, a);
}

}  // namespace ops
}  // namespace seqrec
