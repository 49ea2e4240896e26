// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/candidates.hpp"
#include "seqrec/ops/unit_activation.hpp"

namespace seqrec {

/// The small network that scores a history item for a candidate (DIN's activation unit): hidden layers, then one
/// number.
template <class Context>
struct AttentionUnit {
  static constexpr index_t most_hidden = 3;

  /// A linear map, and the activation after it.
  struct Hidden {
    const_matrix_of<Context> weight;  ///< (H, I)
    const_vector_of<Context> bias;    ///< (H)
    UnitActivation<Context> activation;
    master_matrix_of<Context> dweight;  ///< (H, I) added to; null if not wanted
    master_vector_of<Context> dbias;    ///< (H) added to; null if not wanted
  };

  Hidden hidden[most_hidden];         ///< the first has I = 4 D
  index_t layers = 0;                 ///< 1 .. most_hidden
  const_matrix_of<Context> weight;    ///< (1, H) of the last hidden layer's units
  const_vector_of<Context> bias;      ///< (1)
  master_matrix_of<Context> dweight;  ///< (1, H) added to; null if not wanted
  master_vector_of<Context> dbias;    ///< (1) added to; null if not wanted

  index_t units(index_t layer) const { return hidden[layer].weight.rows(); }
};

/// How scores become weights.
struct AttentionWeighting {
  bool softmax = false;  ///< over what a candidate sees; without it the scores are the weights, as in the paper
  double scale = 1;      ///< of the scores before the softmax
};

/// y_c = sum over j of a_cj k_j, where j runs over what c sees of its history, the last `window` of the `visible` first
/// items, and a_cj comes from the unit's score of [q_c, k_j, q_c - k_j, q_c * k_j]: what a user's history says about
/// this candidate (DIN, Zhou et al. 2018, arXiv:1706.06978, eq. 2; the four parts are the reference code's). Zeros
/// where a candidate sees nothing.
///
/// Candidates of one user share its history, which is never copied. The first layer is linear in its four parts, so it
/// splits exactly into (Wk - Wd) k_j, once a history row; (Wq + Wd) q_c, once a candidate; and Wp (q_c * k_j), the only
/// part that is computed for each pair: a quarter of the arithmetic, and no 4 D-wide intermediate.
template <class Context>
struct CandidateAttentionForward {
  VectorView<const offset_t, typename Context::Space> offsets;  ///< (B+1) of the histories' rows
  Candidates<typename Context::Space> candidates;               ///< (C)
  const_matrix_of<Context> keys;                                ///< (N, D) k
  const_matrix_of<Context> queries;                             ///< (C, D) q
  AttentionUnit<Context> unit;
  AttentionWeighting weighting;
  matrix_of<Context> y;        ///< (C, D)
  vector_of<Context> weights;  ///< (pairs) a, candidate by candidate, oldest item first
  vector_of<Context> saved;    ///< for backward, size candidate_attention_saved_size; null for inference
};

/// Gradients of CandidateAttentionForward.
template <class Context>
struct CandidateAttentionBackward {
  VectorView<const offset_t, typename Context::Space> offsets;  ///< (B+1)
  Candidates<typename Context::Space> candidates;               ///< (C)
  const_matrix_of<Context> keys;                                ///< (N, D)
  const_matrix_of<Context> queries;                             ///< (C, D)
  AttentionUnit<Context> unit;
  AttentionWeighting weighting;
  const_vector_of<Context> weights;  ///< (pairs) the forward's
  const_vector_of<Context> saved;    ///< the forward's
  const_matrix_of<Context> dy;       ///< (C, D)
  Gradient<Context> dkeys;           ///< (N, D)
  Gradient<Context> dqueries;        ///< (C, D)
};

namespace ops {

SEQREC_OP_FALLBACK(candidate_attention_forward)
SEQREC_OP_FALLBACK(candidate_attention_backward)

/// Elements that the forward pass keeps: each hidden layer's values before the activation, for every pair.
template <class Context>
index_t candidate_attention_saved_size(const Candidates<typename Context::Space>& candidates,
                                       const AttentionUnit<Context>& unit) {
  index_t units = 0;
  for (index_t l = 0; l < unit.layers; ++l) units += unit.units(l);
  return candidates.pairs * units;
}

/// @throws ShapeError unless the unit's layers fit one another and keys of that width
template <class Context>
void check_attention_unit(const char* op, const AttentionUnit<Context>& unit, index_t width) {
  if (unit.layers < 1 || unit.layers > AttentionUnit<Context>::most_hidden)
    throw ShapeError(
        concatenate(op, ": hidden layers are ", unit.layers, ", expected 1 .. ", AttentionUnit<Context>::most_hidden));
  index_t inputs = 4 * width;
  for (index_t l = 0; l < unit.layers; ++l) {
    const auto& layer = unit.hidden[l];
    check_extent(op, "columns of a hidden weight", layer.weight.columns(), inputs);
    check_extent(op, "size of a hidden bias", layer.bias.size(), layer.weight.rows());
    check_unit_activation(op, layer.activation, layer.weight.rows());
    inputs = layer.weight.rows();
  }
  check_extent(op, "rows of the last weight", unit.weight.rows(), 1);
  check_extent(op, "columns of the last weight", unit.weight.columns(), inputs);
  check_extent(op, "size of the last bias", unit.bias.size(), 1);
}

/// What forward and backward have in common.
template <class Arguments>
void check_candidate_attention(const char* op, const Arguments& a) {
  check_attention_unit(op, a.unit, a.keys.columns());
  check_extent(op, "segments of candidates", a.candidates.items.segments(), a.offsets.size() - 1);
  check_extent(op, "size of visible", a.candidates.visible.size(), a.candidates.size());
  check_extent(op, "rows of queries", a.queries.rows(), a.candidates.size());
  check_extent(op, "columns of queries", a.queries.columns(), a.keys.columns());
  check_extent(op, "size of weights", a.weights.size(), a.candidates.pairs);
}

/// @throws ShapeError when extents disagree. Cost: 2 pairs (D H1 + H1 H2 + ...) operations.
template <class Context>
void candidate_attention_forward(Context& context, const CandidateAttentionForward<Context>& a) {
  constexpr const char* op = "candidate_attention";
  check_candidate_attention(op, a);
  check_extent(op, "rows of y", a.y.rows(), a.queries.rows());
  check_extent(op, "columns of y", a.y.columns(), a.keys.columns());
  if (a.saved) check_extent(op, "size of saved", a.saved.size(), candidate_attention_saved_size(a.candidates, a.unit));
  using fallback::candidate_attention_forward;
  candidate_attention_forward(context, a);
}

/// @throws ShapeError when extents disagree. Cost: twice the forward's.
template <class Context>
void candidate_attention_backward(Context& context, const CandidateAttentionBackward<Context>& a) {
  constexpr const char* op = "candidate_attention backward";
  check_candidate_attention(op, a);
  check_extent(op, "size of saved", a.saved.size(), candidate_attention_saved_size(a.candidates, a.unit));
  check_extent(op, "rows of dy", a.dy.rows(), a.queries.rows());
  check_extent(op, "columns of dy", a.dy.columns(), a.keys.columns());
  check_extent(op, "rows of dkeys", a.dkeys.view.rows(), a.keys.rows());
  check_extent(op, "columns of dkeys", a.dkeys.view.columns(), a.keys.columns());
  check_extent(op, "rows of dqueries", a.dqueries.view.rows(), a.queries.rows());
  check_extent(op, "columns of dqueries", a.dqueries.view.columns(), a.keys.columns());
  using fallback::candidate_attention_backward;
  candidate_attention_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
