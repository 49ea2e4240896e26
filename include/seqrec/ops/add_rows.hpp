// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_shape.hpp"
#include "seqrec/core/jagged.hpp"
#include "seqrec/ops/fallback.hpp"

namespace seqrec {

/// target[rows[i]] += sum over entries e of row i, in ascending order, of coefficient[e] source[e / entries_per_row].
///
/// The gradient of a table, without atomics and in a fixed order: gathered rows pass their gradient (no coefficients,
/// one entry a source row); scored items pass (state, d loss / d score), because the gradient of item e is c_e h.
template <class Context>
struct AddRows {
  const_matrix_of<Context> source;          ///< (N, D)
  RowIndex<typename Context::Space> index;  ///< of the E = N entries_per_row entries
  const_vector_of<Context> coefficients;    ///< (E), or null for ones
  index_t entries_per_row = 1;
  master_matrix_of<Context> target;  ///< (V, D) added to; null if not wanted
};

namespace ops {

SEQREC_OP_FALLBACK(add_rows)

/// @throws ShapeError when extents disagree
template <class Context>
void add_rows(Context& context, const AddRows<Context>& a) {
  constexpr const char* op = "add_rows";
  if (!a.target) return;
  check_shape(op, "target", a.target, a.target.rows(), a.source.columns());
  check_extent(op, "entries of the index", a.index.order.size(), a.source.rows() * a.entries_per_row);
  check_shape(op, "row_offsets", a.index.row_offsets, a.index.rows.size() + 1);
  check_optional_shape(op, "coefficients", a.coefficients, a.index.order.size());
  using fallback::add_rows;
  add_rows(context, a);
}

}  // namespace ops
}  // namespace seqrec
