// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/ops/self_attention.hpp"

namespace seqrec {

/// SelfAttentionForward for the last row of each history alone, with its bits: what a model is served with needs no
/// other row of its last block. Only for inference.
template <class Context>
struct LastRowAttention {
  VectorView<const offset_t, typename Context::Space> offsets;  ///< (B+1) of the histories' rows
  index_t longest = 0;                                          ///< no history has more rows
  const_matrix_of<Context> q;                                   ///< (B, D) of the last rows
  const_matrix_of<Context> k;                                   ///< (N, D)
  const_matrix_of<Context> v;                                   ///< (N, D)
  matrix_of<Context> y;                                         ///< (B, D) written; zeros for an empty history
  index_t heads = 1;                                            ///< H
  AttentionBias<Context> bias{};
  AttentionWeights weights = AttentionWeights::softmax;
  double divisor = 1;  ///< of silu's weights
};

namespace ops {

SEQREC_OP_FALLBACK(last_row_attention)

/// @throws ShapeError as self_attention_forward. Cost: 4 D N operations.
template <class Context>
void last_row_attention(Context& context, const LastRowAttention<Context>& a) {
  constexpr const char* op = "last_row_attention";
  const index_t users = a.offsets.size() - 1, rows = a.k.rows(), width = a.q.columns();
  check_shape(op, "q", a.q, users, width);
  check_shape(op, "y", a.y, users, width);
  check_attention_of(op, a, rows, width);
  using fallback::last_row_attention;
  last_row_attention(context, a);
}

}  // namespace ops
}  // namespace seqrec
