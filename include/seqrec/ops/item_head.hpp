// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_shape.hpp"
#include "seqrec/core/tensor.hpp"

namespace seqrec {

/// How items are scored: s = h e_v + b_v for a state h (D) and item v.
template <class Context>
struct ItemHead {
  const_matrix_of<Context> table;   ///< (V, D) e
  const_vector_of<Context> bias{};  ///< (V) b, or null for none
  /// The table once more, as `pack_items` lays it out, of these items or more; null for none. Packed and
  /// read by contexts of the same ProductPrecision.
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

}  // namespace ops
}  // namespace seqrec
