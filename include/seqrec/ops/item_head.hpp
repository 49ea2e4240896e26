// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_shape.hpp"
#include "seqrec/core/tensor.hpp"
#include "seqrec/ops/add_rows.hpp"

namespace seqrec {

/// How items are scored: s = h e_v + b_v for a state h (D) and item v.
template <class Context>
struct ItemHead {
  const_matrix_of<Context> table;   ///< (V, D) e
  const_vector_of<Context> bias{};  ///< (V) b, or null for none
  /// The table once more, as `pack_items` lays it out, of these items or more; null for none.
  const_vector_of<Context> packed{};

  SEQREC_HOST_DEVICE constexpr index_t items() const { return table.rows(); }
  SEQREC_HOST_DEVICE constexpr index_t width() const { return table.columns(); }
};

/// Where the gradients of an ItemHead are added; each null where nobody wants it.
template <class Context>
struct ItemHeadGradient {
  master_matrix_of<Context> table{};  ///< (V, D)
  master_vector_of<Context> bias{};   ///< (V)
};

namespace ops {

/// @throws ShapeError unless the head scores states of that width
template <class Context>
void check_head(const char* op, const ItemHead<Context>& head, index_t width) {
  check_shape(op, "table", head.table, head.items(), width);
  check_optional_shape(op, "bias", head.bias, head.items());
}

/// @throws ShapeError unless the gradient is as large as the head
template <class Context>
void check_head_gradient(const char* op, const ItemHeadGradient<Context>& gradient, const ItemHead<Context>& head) {
  check_optional_shape(op, "dtable", gradient.table, head.items(), head.width());
  check_optional_shape(op, "dbias", gradient.bias, head.items());
}

/// Adds what scored items leave to a head's gradients, item by item in ascending order of entries: the derivative of
/// entry e's score is c_e, so that its item's vector gets c_e h and its bias c_e.
/// @param states (N, D) h   @param index of the N S entries, S a row   @param coefficients (N S) c
template <class Context>
void add_scored_items(Context& context, const_matrix_of<Context> states, const RowIndex<typename Context::Space>& index,
                      const_vector_of<Context> coefficients, const ItemHeadGradient<Context>& gradient) {
  const index_t entries = coefficients.size();
  const index_t entries_per_row = states.rows() == 0 ? 1 : entries / states.rows();
  if (gradient.table) add_rows(context, AddRows<Context>{states, index, coefficients, entries_per_row, gradient.table});
  if (gradient.bias)
    add_rows(
        context,
        AddRows<Context>{{coefficients.data, entries, 1}, index, {}, 1, {gradient.bias.data, gradient.bias.size(), 1}});
}

/// The same of items that several rows share, whose gradients are summed over the rows already.
/// @param dshared (M, D)   @param dshared_bias (M), null where `gradient.bias` is   @param index of the M items
template <class Context>
void add_shared_items(Context& context, const_matrix_of<Context> dshared, const_vector_of<Context> dshared_bias,
                      const RowIndex<typename Context::Space>& index, const ItemHeadGradient<Context>& gradient) {
  if (gradient.table) add_rows(context, AddRows<Context>{dshared, index, {}, 1, gradient.table});
  if (gradient.bias)
    add_rows(
        context,
        AddRows<Context>{
            {dshared_bias.data, dshared_bias.size(), 1}, index, {}, 1, {gradient.bias.data, gradient.bias.size(), 1}});
}

}  // namespace ops
}  // namespace seqrec
