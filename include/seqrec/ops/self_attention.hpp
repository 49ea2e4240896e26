// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "seqrec/core/check_offsets.hpp"
#include "seqrec/core/check_shape.hpp"
#include "seqrec/core/dropout.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/gradient.hpp"
#include "seqrec/ops/time_bucket.hpp"

namespace seqrec {

/// How logits become weights.
enum class AttentionWeights {
  softmax,  ///< softmax over j of q_i k_j / sqrt(D / H) + bias_ij
  silu,     ///< silu(q_i k_j + bias_ij) / divisor: no softmax, each on its own (HSTU, Zhai et al. 2024, eq. 2)
};

/// Names of the values, for option texts.
constexpr std::array<const char*, 2> names_of(AttentionWeights) { return {"softmax", "silu"}; }

/// What is added to the logit of row i of a history for its row j: a number for each head that is learned for how far
/// apart the rows are, of_distance(head, i - j) (Raffel et al. 2020, arXiv:1910.10683, without buckets), and one for
/// how far apart their times are, of_time(head, time_bucket(|t_i - t_j|)). All of it is known when row i is: the time
/// of the next event, which HSTU's reference code reads, is not.
template <class Context>
struct AttentionBias {
  const_matrix_of<Context> of_distance;                                ///< (H, P) P >= longest; null for none
  const_matrix_of<Context> of_time;                                    ///< (H, time_buckets); null for none
  VectorView<const std::int64_t, typename Context::Space> times = {};  ///< (N) of the events; read where of_time is
};

/// Where the gradients of an AttentionBias go.
template <class Context>
struct AttentionBiasGradient {
  master_matrix_of<Context> of_distance;  ///< (H, P) added to; null if not wanted
  master_matrix_of<Context> of_time;      ///< (H, time_buckets) added to; null if not wanted
};

/// y_i = sum over j <= i of dropout(weight_ij) v_j, per history and head; weights as AttentionWeights says.
///
/// Causal multi-head attention (Vaswani et al. 2017, arXiv:1706.03762, eq. 1; SASRec, Kang & McAuley 2018, section
/// III-B) over packed histories: head h uses columns h D/H .. (h+1) D/H - 1. q, k and v may be column blocks of one
/// matrix. Dropout's row is (row in batch) H + head, its column the key's index in the history.
template <class Context>
struct SelfAttentionForward {
  VectorView<const offset_t, typename Context::Space> offsets;  ///< (B+1) of the histories' rows
  index_t longest = 0;                                          ///< no history has more rows
  const_matrix_of<Context> q;                                   ///< (N, D)
  const_matrix_of<Context> k;                                   ///< (N, D)
  const_matrix_of<Context> v;                                   ///< (N, D)
  matrix_of<Context> y;                                         ///< (N, D)
  vector_of<Context> saved;  ///< what the backend keeps for backward: self_attention_saved_size; null for inference
  index_t heads = 1;         ///< H
  Dropout dropout;
  AttentionBias<Context> bias{};
  AttentionWeights weights = AttentionWeights::softmax;
  double divisor = 1;  ///< of silu's weights
};

/// Gradients of SelfAttentionForward.
template <class Context>
struct SelfAttentionBackward {
  VectorView<const offset_t, typename Context::Space> offsets;  ///< (B+1)
  index_t longest = 0;                                          ///< the forward's
  const_matrix_of<Context> q;                                   ///< (N, D)
  const_matrix_of<Context> k;                                   ///< (N, D)
  const_matrix_of<Context> v;                                   ///< (N, D)
  const_matrix_of<Context> y;                                   ///< (N, D) the forward's result
  const_vector_of<Context> saved;                               ///< the forward's
  const_matrix_of<Context> dy;                                  ///< (N, D)
  Gradient<Context> dq;                                         ///< (N, D)
  Gradient<Context> dk;                                         ///< (N, D)
  Gradient<Context> dv;                                         ///< (N, D)
  index_t heads = 1;                                            ///< H
  Dropout dropout;
  AttentionBias<Context> bias{};           ///< the forward's
  AttentionBiasGradient<Context> dbias{};  ///< summed in the order of histories, heads and rows
  AttentionWeights weights = AttentionWeights::softmax;
  double divisor = 1;
};

/// Asks how many Scalars a backend keeps of SelfAttentionForward: on the CPU (which reads the offsets) probabilities,
/// or logits where there are none; on CUDA the highest logit and the inverse of the sum (two for each row and head).
template <class Context>
struct SelfAttentionSavedSize {
  VectorView<const offset_t, typename Context::Space> offsets;  ///< (B+1)
  index_t rows = 0;                                             ///< N
  index_t heads = 1;                                            ///< H
  index_t* size = nullptr;                                      ///< the answer
};

namespace ops {

SEQREC_OP_FALLBACK(self_attention_saved_size)
SEQREC_OP_FALLBACK(self_attention_forward)
SEQREC_OP_FALLBACK(self_attention_backward)

/// How many Scalars `saved` must hold.
/// @param offsets (B+1) of the histories' rows, checked in host memory   @param rows N   @throws ShapeError
template <class Context>
index_t self_attention_saved_size(Context& context, VectorView<const offset_t, typename Context::Space> offsets,
                                  index_t rows, index_t heads) {
  check_offsets("self_attention", "offsets", offsets, rows);
  index_t size = 0;
  using fallback::self_attention_saved_size;
  self_attention_saved_size(context, SelfAttentionSavedSize<Context>{offsets, rows, heads, &size});
  return size;
}

/// What all kinds of self-attention have in common.
/// @param rows N   @param width D
template <class Arguments>
void check_attention_of(const char* op, const Arguments& a, index_t rows, index_t width) {
  if (a.heads < 1 || width % a.heads != 0)
    throw ShapeError(concatenate(op, ": heads is ", a.heads, ", expected a divisor of the width ", width));
  check_offsets(op, "offsets", a.offsets, rows);
  check_longest(op, a.offsets, rows, a.longest);
  check_shape(op, "k", a.k, rows, width);
  check_shape(op, "v", a.v, rows, width);
  const index_t distances = a.bias.of_distance.columns();
  check_optional_shape(op, "of_distance", a.bias.of_distance, a.heads, distances);
  if (a.bias.of_distance && a.longest > distances)
    throw ShapeError(concatenate(op, ": longest is ", a.longest, ", expected at most ", distances,
                                 ", the distances that have a bias"));
  check_optional_shape(op, "of_time", a.bias.of_time, a.heads, time_buckets);
  if (a.bias.of_time) check_shape(op, "times", a.bias.times, rows);
  if (!(a.divisor > 0))
    throw ArgumentError(concatenate(op, ": divisor is ", a.divisor, ", expected a positive number"));
}

/// What forward and backward have in common.
template <class Arguments>
void check_self_attention(const char* op, const Arguments& a) {
  check_attention_of(op, a, a.q.rows(), a.q.columns());
  check_shape(op, "y", a.y, a.q.rows(), a.q.columns());
}

/// @throws ShapeError when extents disagree, heads does not divide D, offsets are none of N rows, a history is longer
///         than `longest`, or `longest` than the distances that have a bias. Cost: 2 D sum(L^2) operations.
template <class Context>
void self_attention_forward(Context& context, const SelfAttentionForward<Context>& a) {
  constexpr const char* op = "self_attention";
  check_self_attention(op, a);
  if (a.saved) check_shape(op, "saved", a.saved, self_attention_saved_size(context, a.offsets, a.q.rows(), a.heads));
  using fallback::self_attention_forward;
  self_attention_forward(context, a);
}

/// @throws ShapeError as the forward pass. Cost: 4 D sum(L^2) operations.
template <class Context>
void self_attention_backward(Context& context, const SelfAttentionBackward<Context>& a) {
  constexpr const char* op = "self_attention backward";
  const index_t rows = a.q.rows(), width = a.q.columns();
  check_self_attention(op, a);
  check_shape(op, "dy", a.dy, rows, width);
  check_optional_shape(op, "dq", a.dq.view, rows, width);
  check_optional_shape(op, "dk", a.dk.view, rows, width);
  check_optional_shape(op, "dv", a.dv.view, rows, width);
  check_optional_shape(op, "gradient of of_distance", a.dbias.of_distance, a.heads, a.bias.of_distance.columns());
  check_optional_shape(op, "gradient of of_time", a.dbias.of_time, a.heads, a.bias.of_time.columns());
  check_shape(op, "saved", a.saved, self_attention_saved_size(context, a.offsets, rows, a.heads));
  using fallback::self_attention_backward;
  self_attention_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
