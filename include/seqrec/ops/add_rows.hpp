// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/jagged.hpp"
#include "seqrec/ops/fallback.hpp"

namespace seqrec {

/// target[rows[i]] += sum over entries e of row i, in ascending order, of coefficient[e] source[e / entries_per_row].
///
/// The gradient of a table, without atomics and in a fixed order: gathered rows pass their gradient (no coefficients,
/// one entry a source row); scored items pass (state, d loss / d score), because the gradient of item e is c_e h.
template <class Context>
struct AddRows {
  const_matrix_of<Context> source;          ///< (M, D)
  RowIndex<typename Context::Space> index;  ///< of the E = M entries_per_row entries
  const_vector_of<Context> coefficients;    ///< (E), or null for ones
  index_t entries_per_row = 1;
  master_matrix_of<Context> target;  ///< (V, D) added to
};

namespace ops {

SEQREC_OP_FALLBACK(add_rows)

/// @throws ShapeError when extents disagree
template <class Context>
void add_rows(Context& context, const AddRows<Context>& a) {
  check_extent("add_rows", "columns of target", a.target.columns(), a.source.columns());
  check_extent("add_rows", "entries of the index", a.index.order.size(), a.source.rows() * a.entries_per_row);
  check_extent("add_rows", "size of row_offsets", a.index.row_offsets.size(), a.index.rows.size() + 1);
  if (a.coefficients) check_extent("add_rows", "size of coefficients", a.coefficients.size(), a.index.order.size());
  using fallback::add_rows;
  add_rows(context, a);
}

}  // namespace ops
}  // namespace seqrec
