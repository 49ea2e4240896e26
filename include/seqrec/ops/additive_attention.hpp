// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "seqrec/core/check_offsets.hpp"
#include "seqrec/core/check_shape.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/gradient.hpp"

namespace seqrec {

/// What squashes the sum of query and key.
enum class Squash {
  sigmoid,       ///< 1 / (1 + exp(-x))
  hard_sigmoid,  ///< x / 5 + 1/2, cut to 0 .. 1: Theano's, which NARM's code uses
};

/// Names of the values, for option texts.
constexpr std::array<const char*, 2> names_of(Squash) { return {"sigmoid", "hard_sigmoid"}; }

/// y_t = sum over j <= t of a_tj x_j, per history, with a_tj = v . squash(q_t + k_j): causal additive attention
/// (Bahdanau et al. 2015; NARM, Li et al. 2017, arXiv:1711.04725, equations 7 and 8). The weights are taken as they
/// are, or through a softmax over j. A row's result depends on the rows up to it alone, to the last bit.
template <class Context>
struct AdditiveAttentionForward {
  VectorView<const offset_t, typename Context::Space> offsets;  ///< (B+1) of the histories' rows
  const_matrix_of<Context> queries;                             ///< (N, F)
  const_matrix_of<Context> keys;                                ///< (N, F)
  const_vector_of<Context> weight;                              ///< (F) v
  const_matrix_of<Context> x;                                   ///< (N, D)
  matrix_of<Context> y;                                         ///< (N, D)
  vector_of<Context> saved;  ///< what the backend keeps for backward: additive_attention_saved_size
  Squash squash = Squash::sigmoid;
  bool softmax = false;
};

/// Gradients of AdditiveAttentionForward.
template <class Context>
struct AdditiveAttentionBackward {
  VectorView<const offset_t, typename Context::Space> offsets;  ///< (B+1)
  const_matrix_of<Context> queries;                             ///< (N, F)
  const_matrix_of<Context> keys;                                ///< (N, F)
  const_vector_of<Context> weight;                              ///< (F)
  const_matrix_of<Context> x;                                   ///< (N, D)
  const_vector_of<Context> saved;                               ///< the forward's
  const_matrix_of<Context> dy;                                  ///< (N, D)
  Gradient<Context> dqueries;                                   ///< (N, F)
  Gradient<Context> dkeys;                                      ///< (N, F)
  master_vector_of<Context> dweight;                            ///< (F) added to; null if not wanted
  Gradient<Context> dx;                                         ///< (N, D)
  Squash squash = Squash::sigmoid;
  bool softmax = false;
};

/// Asks how many Scalars `saved` holds: the weights of all pairs j <= t, of each history its rows' one after the other
/// (CPU), or one number a row (CUDA).
template <class Context>
struct AdditiveAttentionSavedSize {
  VectorView<const offset_t, typename Context::Space> offsets;  ///< (B+1)
  index_t rows = 0;                                             ///< N
  index_t* size = nullptr;                                      ///< the answer
};

namespace ops {

SEQREC_OP_FALLBACK(additive_attention_saved_size)
SEQREC_OP_FALLBACK(additive_attention_forward)
SEQREC_OP_FALLBACK(additive_attention_backward)

/// How many Scalars `saved` must hold.   @throws ShapeError when offsets are none of N rows
template <class Context>
index_t additive_attention_saved_size(Context& context, VectorView<const offset_t, typename Context::Space> offsets,
                                      index_t rows) {
  check_offsets("additive_attention", "offsets", offsets, rows);
  index_t size = 0;
  using fallback::additive_attention_saved_size;
  additive_attention_saved_size(context, AdditiveAttentionSavedSize<Context>{offsets, rows, &size});
  return size;
}

/// What forward and backward have in common.
template <class Context, class Arguments>
void check_additive_attention(const char* op, Context& context, const Arguments& a) {
  const index_t rows = a.x.rows(), units = a.weight.size();
  check_offsets(op, "offsets", a.offsets, rows);
  check_shape(op, "queries", a.queries, rows, units);
  check_shape(op, "keys", a.keys, rows, units);
  check_shape(op, "saved", a.saved, additive_attention_saved_size(context, a.offsets, rows));
}

/// @throws ShapeError when extents disagree or offsets are none of N rows. Cost: (2 F + D) sum(L^2) operations, and
/// F/8 sum(L^2) divisions.
template <class Context>
void additive_attention_forward(Context& context, const AdditiveAttentionForward<Context>& a) {
  constexpr const char* op = "additive_attention";
  check_additive_attention(op, context, a);
  check_shape(op, "y", a.y, a.x.rows(), a.x.columns());
  using fallback::additive_attention_forward;
  additive_attention_forward(context, a);
}

/// @throws ShapeError as the forward pass. Cost: three times the forward pass's, divisions once more.
template <class Context>
void additive_attention_backward(Context& context, const AdditiveAttentionBackward<Context>& a) {
  constexpr const char* op = "additive_attention backward";
  const index_t rows = a.x.rows(), units = a.weight.size();
  check_additive_attention(op, context, a);
  check_shape(op, "dy", a.dy, rows, a.x.columns());
  check_optional_shape(op, "dqueries", a.dqueries.view, rows, units);
  check_optional_shape(op, "dkeys", a.dkeys.view, rows, units);
  check_optional_shape(op, "dweight", a.dweight, units);
  check_optional_shape(op, "dx", a.dx.view, rows, a.x.columns());
  using fallback::additive_attention_backward;
  additive_attention_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
