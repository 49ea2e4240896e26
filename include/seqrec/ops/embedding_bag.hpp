// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "seqrec/core/check_offsets.hpp"
#include "seqrec/core/check_shape.hpp"
#include "seqrec/core/jagged.hpp"
#include "seqrec/ops/fallback.hpp"

namespace seqrec {

/// y = sum over the categories t of owner_i of table_t, in rows repeats(i) .. repeats(i+1)-1, or in row i without
/// repeats: what is known of users or items, as a vector (PyTorch's EmbeddingBag with mode "sum").
template <class Context>
struct EmbeddingBagForward {
  VectorView<const std::int32_t, typename Context::Space> owners;  ///< (M) users or items: segments of `categories`
  VectorView<const offset_t, typename Context::Space> repeats;     ///< (M+1), or null: each owner has one row
  Jagged<const category_t, typename Context::Space> categories;    ///< 0 .. T-1, a segment for each possible owner
  const_matrix_of<Context> table;                                  ///< (T, D)
  matrix_of<Context> y;                                            ///< (N, D), N = M or repeats(M)
};

/// Gradients of EmbeddingBagForward. There are few categories, so rows are summed in order and need no inverse index.
template <class Context>
struct EmbeddingBagBackward {
  VectorView<const std::int32_t, typename Context::Space> owners;  ///< (M)
  VectorView<const offset_t, typename Context::Space> repeats;     ///< (M+1), or null
  Jagged<const category_t, typename Context::Space> categories;
  const_matrix_of<Context> dy;       ///< (N, D)
  master_matrix_of<Context> dtable;  ///< (T, D) added to; null if not wanted
};

namespace ops {

SEQREC_OP_FALLBACK(embedding_bag_forward)
SEQREC_OP_FALLBACK(embedding_bag_backward)

/// Owners and categories are not checked here: whoever laid the features out has done it.
/// @throws ShapeError when extents disagree
template <class Context>
void embedding_bag_forward(Context& context, const EmbeddingBagForward<Context>& a) {
  constexpr const char* op = "embedding_bag";
  check_optional_shape(op, "repeats", a.repeats, a.owners.size() + 1);
  check_shape(op, "y", a.y, a.repeats ? a.y.rows() : a.owners.size(), a.table.columns());
  if (a.repeats) check_offsets(op, "repeats", a.repeats, a.y.rows());
  using fallback::embedding_bag_forward;
  embedding_bag_forward(context, a);
}

/// @throws ShapeError when extents disagree
template <class Context>
void embedding_bag_backward(Context& context, const EmbeddingBagBackward<Context>& a) {
  constexpr const char* op = "embedding_bag backward";
  if (!a.dtable) return;
  check_optional_shape(op, "repeats", a.repeats, a.owners.size() + 1);
  check_shape(op, "dy", a.dy, a.repeats ? a.dy.rows() : a.owners.size(), a.dy.columns());
  check_shape(op, "dtable", a.dtable, a.dtable.rows(), a.dy.columns());
  if (a.repeats) check_offsets(op, "repeats", a.repeats, a.dy.rows());
  using fallback::embedding_bag_backward;
  embedding_bag_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
