// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_offsets.hpp"
#include "seqrec/core/check_shape.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/gradient.hpp"

namespace seqrec {

/// y_i = x_{rows(i)}, zeros where rows(i) < 0.
template <class Context>
struct GatherRowsForward {
  const_matrix_of<Context> x;                                ///< (N, D)
  VectorView<const offset_t, typename Context::Space> rows;  ///< (M) below N
  matrix_of<Context> y;                                      ///< (M, D) written
};

/// Gradient of GatherRowsForward: dx_r = the sum of dy_i over all i with rows(i) = r, in ascending order of i. Rows
/// named more than once stand together, so that a device sums each in one place, without atomics.
template <class Context>
struct GatherRowsBackward {
  VectorView<const offset_t, typename Context::Space> rows;  ///< (M) ascending, but for negative ones anywhere
  const_matrix_of<Context> dy;                               ///< (M, D)
  Gradient<Context> dx;                                      ///< (N, D)
};

/// rows(b) = the last row of history b, -1 where it is empty: what a static encoder ranks with. users(b) = b, -1 where
/// it is empty: who has such a row.
template <class Context>
struct LastRowNumbers {
  VectorView<const offset_t, typename Context::Space> offsets;  ///< (B+1)
  VectorView<offset_t, typename Context::Space> rows;           ///< (B) written
  VectorView<offset_t, typename Context::Space> users{};        ///< (B) written; or null
};

/// rows(c) = the last row of its user's history that candidate c may see, -1 where it sees none: ascending wherever
/// `visible` ascends within each user.
template <class Context>
struct VisibleRowNumbers {
  VectorView<const offset_t, typename Context::Space> offsets;            ///< (B+1) of the histories' rows
  VectorView<const offset_t, typename Context::Space> candidate_offsets;  ///< (B+1)
  VectorView<const offset_t, typename Context::Space> visible;            ///< (C) leading rows that each may see
  VectorView<offset_t, typename Context::Space> rows;                     ///< (C) written
};

namespace ops {

SEQREC_OP_FALLBACK(gather_rows_forward)
SEQREC_OP_FALLBACK(gather_rows_backward)
SEQREC_OP_FALLBACK(last_row_numbers)
SEQREC_OP_FALLBACK(visible_row_numbers)

/// Row numbers are checked in host memory.   @throws ShapeError when extents disagree or x has no such row
template <class Context>
void gather_rows_forward(Context& context, const GatherRowsForward<Context>& a) {
  constexpr const char* op = "gather_rows";
  check_shape(op, "y", a.y, a.rows.size(), a.x.columns());
  if constexpr (host_readable<typename Context::Space>)
    for (index_t i = 0; i < a.rows.size(); ++i)
      if (a.rows(i) >= a.x.rows())
        throw ShapeError(concatenate(op, ": rows(", i, ") is ", a.rows(i), ", expected less than ", a.x.rows()));
  using fallback::gather_rows_forward;
  gather_rows_forward(context, a);
}

/// Row numbers are checked in host memory.
/// @throws ShapeError when extents disagree, dx has no such row, or rows descend
template <class Context>
void gather_rows_backward(Context& context, const GatherRowsBackward<Context>& a) {
  constexpr const char* op = "gather_rows backward";
  if (!a.dx) return;
  check_shape(op, "dy", a.dy, a.rows.size(), a.dx.view.columns());
  if constexpr (host_readable<typename Context::Space>) {
    index_t before = 0;
    for (index_t i = 0; i < a.rows.size(); ++i) {
      if (a.rows(i) < 0) continue;
      if (a.rows(i) < before || a.rows(i) >= a.dx.view.rows())
        throw ShapeError(concatenate(op, ": rows(", i, ") is ", a.rows(i), ", expected ", before, " .. ",
                                     a.dx.view.rows() - 1, ", rows ascend"));
      before = a.rows(i);
    }
  }
  using fallback::gather_rows_backward;
  gather_rows_backward(context, a);
}

/// @throws ShapeError when extents disagree
template <class Context>
void last_row_numbers(Context& context, const LastRowNumbers<Context>& a) {
  check_shape("last_row_numbers", "offsets", a.offsets, a.rows.size() + 1);
  check_optional_shape("last_row_numbers", "users", a.users, a.rows.size());
  using fallback::last_row_numbers;
  last_row_numbers(context, a);
}

/// @throws ShapeError when extents disagree or a candidate may see more rows than there are
template <class Context>
void visible_row_numbers(Context& context, const VisibleRowNumbers<Context>& a) {
  constexpr const char* op = "visible_row_numbers";
  check_shape(op, "candidate_offsets", a.candidate_offsets, a.offsets.size());
  check_offsets(op, "candidate_offsets", a.candidate_offsets, a.rows.size());
  check_shape(op, "visible", a.visible, a.rows.size());
  check_visible(op, a.offsets, a.candidate_offsets, a.visible);
  using fallback::visible_row_numbers;
  visible_row_numbers(context, a);
}

}  // namespace ops
}  // namespace seqrec
