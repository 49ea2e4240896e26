// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_shape.hpp"
#include "seqrec/core/dropout.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/gradient.hpp"

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

/// target = dropout(source), or target += dropout(source): its own backward pass, where no other op's epilogue has it.
template <class Context>
struct Drop {
  const_matrix_of<Context> source;  ///< (N, D)
  Gradient<Context> target;         ///< (N, D)
  Dropout dropout;
};

/// Adds the losses to the context's sum, in double and in an order that depends on their number alone.
template <class Context>
struct AccumulateLoss {
  VectorView<const double, typename Context::Space> losses;  ///< (N)
};

namespace ops {

SEQREC_OP_FALLBACK(copy)
SEQREC_OP_FALLBACK(add)
SEQREC_OP_FALLBACK(drop)
SEQREC_OP_FALLBACK(accumulate_loss)

/// @throws ShapeError when extents disagree
template <class Context>
void copy(Context& context, const Copy<Context>& a) {
  check_shape("copy", "target", a.target, a.source.rows(), a.source.columns());
  using fallback::copy;
  copy(context, a);
}

/// @throws ShapeError when extents disagree
template <class Context>
void add(Context& context, const Add<Context>& a) {
  check_shape("add", "target", a.target, a.source.rows(), a.source.columns());
  using fallback::add;
  add(context, a);
}

/// @throws ShapeError when extents disagree
template <class Context>
void drop(Context& context, const Drop<Context>& a) {
  check_shape("drop", "target", a.target.view, a.source.rows(), a.source.columns());
  using fallback::drop;
  drop(context, a);
}

template <class Context>
void accumulate_loss(Context& context, const AccumulateLoss<Context>& a) {
  using fallback::accumulate_loss;
  accumulate_loss(context, a);
}

}  // namespace ops
}  // namespace seqrec
