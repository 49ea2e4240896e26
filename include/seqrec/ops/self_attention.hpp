// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/batch.hpp"
#include "seqrec/core/dropout.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/gradient.hpp"

namespace seqrec {

/// y_i = sum over j <= i of dropout(softmax_j(q_i k_j / sqrt(D / H))) v_j, per history and head.
///
/// Causal multi-head attention (Vaswani et al. 2017, arXiv:1706.03762, eq. 1; SASRec, Kang & McAuley 2018, section
/// III-B) over packed histories: head h uses columns h D/H .. (h+1) D/H - 1. q, k and v may be column blocks of one
/// matrix. Dropout's row is (row in batch) H + head, its column the key's index in the history.
template <class Context>
struct SelfAttentionForward {
  Batch<typename Context::Space> batch;
  const_matrix_of<Context> q;  ///< (N, D)
  const_matrix_of<Context> k;  ///< (N, D)
  const_matrix_of<Context> v;  ///< (N, D)
  matrix_of<Context> y;        ///< (N, D)
  vector_of<Context> saved;    ///< what the backend keeps for backward: self_attention_saved_size; null for inference
  index_t heads = 1;
  Dropout dropout;
};

/// Gradients of SelfAttentionForward.
template <class Context>
struct SelfAttentionBackward {
  Batch<typename Context::Space> batch;
  const_matrix_of<Context> q;      ///< (N, D)
  const_matrix_of<Context> k;      ///< (N, D)
  const_matrix_of<Context> v;      ///< (N, D)
  const_matrix_of<Context> y;      ///< (N, D) the forward's result
  const_vector_of<Context> saved;  ///< the forward's
  const_matrix_of<Context> dy;     ///< (N, D)
  Gradient<Context> dq;            ///< (N, D)
  Gradient<Context> dk;            ///< (N, D)
  Gradient<Context> dv;            ///< (N, D)
  index_t heads = 1;
  Dropout dropout;
};

/// Asks how many Scalars a backend keeps of SelfAttentionForward: probabilities on the CPU, log-sum-exps on CUDA.
template <class Context>
struct SelfAttentionSavedSize {
  Batch<typename Context::Space> batch;
  index_t heads = 1;
  index_t* size = nullptr;  ///< the answer
};

namespace ops {

SEQREC_OP_FALLBACK(self_attention_saved_size)
SEQREC_OP_FALLBACK(self_attention_forward)
SEQREC_OP_FALLBACK(self_attention_backward)

/// @throws ShapeError unless heads divides the width
inline void check_heads(const char* op, index_t heads, index_t width) {
  if (heads < 1 || width % heads != 0)
    throw ShapeError(concatenate(op, ": heads is ", heads, ", expected a divisor of the width ", width));
}

/// How many Scalars `saved` must hold.
template <class Context>
index_t self_attention_saved_size(Context& context, const Batch<typename Context::Space>& batch, index_t heads) {
  index_t size = 0;
  using fallback::self_attention_saved_size;
  self_attention_saved_size(context, SelfAttentionSavedSize<Context>{batch, heads, &size});
  return size;
}

/// @throws ShapeError when extents disagree or heads does not divide D. Cost: 2 D sum(L^2) operations.
template <class Context>
void self_attention_forward(Context& context, const SelfAttentionForward<Context>& a) {
  constexpr const char* op = "self_attention";
  const index_t rows = a.batch.rows(), width = a.q.columns();
  check_heads(op, a.heads, width);
  const auto check_matrix = [&](const char* rows_of, const char* columns_of, const_matrix_of<Context> given) {
    check_extent(op, rows_of, given.rows(), rows);
    check_extent(op, columns_of, given.columns(), width);
  };
  check_matrix("rows of q", "columns of q", a.q);
  check_matrix("rows of k", "columns of k", a.k);
  check_matrix("rows of v", "columns of v", a.v);
  check_matrix("rows of y", "columns of y", a.y);
  if (a.saved) check_extent(op, "size of saved", a.saved.size(), self_attention_saved_size(context, a.batch, a.heads));
  using fallback::self_attention_forward;
  self_attention_forward(context, a);
}

/// @throws ShapeError when extents disagree or heads does not divide D. Cost: 4 D sum(L^2) operations.
template <class Context>
void self_attention_backward(Context& context, const SelfAttentionBackward<Context>& a) {
  constexpr const char* op = "self_attention backward";
  const index_t rows = a.batch.rows(), width = a.q.columns();
  check_heads(op, a.heads, width);
  const auto check_matrix = [&](const char* rows_of, const char* columns_of, const_matrix_of<Context> given) {
    check_extent(op, rows_of, given.rows(), rows);
    check_extent(op, columns_of, given.columns(), width);
  };
  check_matrix("rows of q", "columns of q", a.q);
  check_matrix("rows of k", "columns of k", a.k);
  check_matrix("rows of v", "columns of v", a.v);
  check_matrix("rows of y", "columns of y", a.y);
  check_matrix("rows of dy", "columns of dy", a.dy);
  if (a.dq) check_matrix("rows of dq", "columns of dq", a.dq.view);
  if (a.dk) check_matrix("rows of dk", "columns of dk", a.dk.view);
  if (a.dv) check_matrix("rows of dv", "columns of dv", a.dv.view);
  check_extent(op, "size of saved", a.saved.size(), self_attention_saved_size(context, a.batch, a.heads));
  using fallback::self_attention_backward;
  self_attention_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
