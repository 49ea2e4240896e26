// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "seqrec/core/candidates.hpp"
#include "seqrec/core/check_offsets.hpp"
#include "seqrec/core/check_shape.hpp"
#include "seqrec/ops/time_bucket.hpp"
#include "seqrec/ops/unit_activation.hpp"

namespace seqrec {

/// The small network that scores a history item for a candidate (DIN's activation unit): hidden layers, then a number
/// for each head.
template <class Context>
struct AttentionUnit {
  static constexpr index_t most_hidden = 3;

  /// A linear map, and the activation after it.
  struct Hidden {
    const_matrix_of<Context> weight;  ///< (F, I)
    const_vector_of<Context> bias;    ///< (F)
    UnitActivation<Context> activation;
    master_matrix_of<Context> dweight;  ///< (F, I) added to; null if not wanted
    master_vector_of<Context> dbias;    ///< (F) added to; null if not wanted
  };

  Hidden hidden[most_hidden];         ///< the first has I = 4 D
  index_t layers = 0;                 ///< 1 .. most_hidden
  const_matrix_of<Context> weight;    ///< (H, F) of the last hidden layer's units
  const_vector_of<Context> bias;      ///< (H)
  master_matrix_of<Context> dweight;  ///< (H, F) added to; null if not wanted
  master_vector_of<Context> dbias;    ///< (H) added to; null if not wanted
  /// (H, R) r: what is added to the scaled scores, under a softmax, of the newest row that a candidate sees, of the one
  /// before it, and so on; rows further back share the last number. Null for none.
  const_matrix_of<Context> recency;
  master_matrix_of<Context> drecency;  ///< (H, R) added to; null if not wanted
  const_matrix_of<Context> decay;      ///< (H, time_buckets) t: added in the same way; null for none
  master_matrix_of<Context> ddecay;    ///< (H, time_buckets) added to; null if not wanted

  SEQREC_HOST_DEVICE index_t units(index_t layer) const { return hidden[layer].weight.rows(); }
  SEQREC_HOST_DEVICE index_t heads() const { return weight.rows(); }
};

/// The four blocks of columns of an attention unit's first weight (or of its gradient), for [q, k, q - k, q * k].
template <class Matrix>
struct AttentionFirstLayer {
  Matrix q, k, difference, product;

  explicit AttentionFirstLayer(Matrix weight)
      : q(part(weight, 0)), k(part(weight, 1)), difference(part(weight, 2)), product(part(weight, 3)) {}

  static Matrix part(Matrix weight, index_t i) {
    const index_t width = weight.columns() / 4;
    return weight.column_range(i * width, width);
  }
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
/// With a recency bias the weights are softmax_j(scale score_cj + r[d]), d = 0 for the newest row that c sees, 1 for
/// the one before it: an order of events, which the unit alone cannot see. With a time decay t[time_bucket(seconds
/// between the newest row that c sees and row j)] is added too.
///
/// With H heads the unit gives each pair H scores, and the weights of head h are those of columns h D/H .. of the sum:
/// a candidate may ask for several things at once.
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
  vector_of<Context> weights;  ///< (H pairs) a, candidate by candidate, then head by head, oldest item first
  vector_of<Context> saved;    ///< for backward, size candidate_attention_saved_size; null for inference
  VectorView<const std::int64_t, typename Context::Space> times{};  ///< (N) of the events; read with a time decay
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
  const_vector_of<Context> weights;                                 ///< (H pairs) the forward's
  const_vector_of<Context> saved;                                   ///< the forward's
  const_matrix_of<Context> dy;                                      ///< (C, D)
  Gradient<Context> dkeys;                                          ///< (N, D)
  Gradient<Context> dqueries;                                       ///< (C, D)
  VectorView<const std::int64_t, typename Context::Space> times{};  ///< (N) read with a time decay
};

namespace ops {

SEQREC_OP_FALLBACK(candidate_attention_forward)
SEQREC_OP_FALLBACK(candidate_attention_backward)

/// Elements that the forward pass keeps: each hidden layer's values, for every pair.
template <class Context>
index_t candidate_attention_saved_size(const Candidates<typename Context::Space>& candidates,
                                       const AttentionUnit<Context>& unit) {
  index_t units = 0;
  for (index_t l = 0; l < unit.layers; ++l) units += unit.units(l);
  return candidates.pairs * units;
}

/// @throws ShapeError unless the unit's layers fit one another and keys of that width, ArgumentError unless its heads
/// divide the width
template <class Context>
void check_attention_unit(const char* op, const AttentionUnit<Context>& unit, index_t width) {
  if (unit.layers < 1 || unit.layers > AttentionUnit<Context>::most_hidden)
    throw ShapeError(
        concatenate(op, ": hidden layers are ", unit.layers, ", expected 1 .. ", AttentionUnit<Context>::most_hidden));
  index_t inputs = 4 * width;
  for (index_t l = 0; l < unit.layers; ++l) {
    const auto& layer = unit.hidden[l];
    const index_t units = layer.weight.rows();
    check_shape(op, "a hidden weight", layer.weight, units, inputs);
    check_shape(op, "a hidden bias", layer.bias, units);
    check_unit_activation(op, layer.activation, units);
    check_optional_shape(op, "a hidden dweight", layer.dweight, units, inputs);
    check_optional_shape(op, "a hidden dbias", layer.dbias, units);
    inputs = units;
  }
  const index_t heads = unit.heads();
  if (heads < 1 || width % heads != 0)
    throw ArgumentError(concatenate(op, ": heads is ", heads, ", expected a divisor of width ", width));
  check_shape(op, "the last weight", unit.weight, heads, inputs);
  check_shape(op, "the last bias", unit.bias, heads);
  check_optional_shape(op, "the last dweight", unit.dweight, heads, inputs);
  check_optional_shape(op, "the last dbias", unit.dbias, heads);
}

/// @throws ShapeError unless there is a number for one distance at least, and for each bucket of time,
///         ArgumentError for a bias without a softmax
template <class Context>
void check_pair_bias(const char* op, const AttentionUnit<Context>& unit, const AttentionWeighting& weighting) {
  check_optional_shape(op, "recency", unit.recency, unit.heads(), std::max<index_t>(1, unit.recency.columns()));
  check_optional_shape(op, "drecency", unit.drecency, unit.heads(), unit.recency.columns());
  check_optional_shape(op, "decay", unit.decay, unit.heads(), time_buckets);
  check_optional_shape(op, "ddecay", unit.ddecay, unit.decay.rows(), unit.decay.columns());
  if ((unit.recency || unit.decay) && !weighting.softmax)
    throw ArgumentError(concatenate(op, ": ", unit.recency ? "recency" : "decay", " without a softmax, expected one"));
}

/// Checks what candidates see, in host memory all of it.
/// @throws ShapeError, or ArgumentError where the window is so small that no candidate would see anything
template <class Space>
void check_candidates(const char* op, VectorView<const offset_t, Space> offsets, index_t rows,
                      const Candidates<Space>& candidates) {
  if (candidates.items.segments() != std::max<index_t>(0, offsets.size() - 1))
    throw ShapeError(concatenate(op, ": segments of candidates is ", candidates.items.segments(), ", expected ",
                                 std::max<index_t>(0, offsets.size() - 1)));
  check_offsets(op, "offsets", offsets, rows);
  check_offsets(op, "candidate offsets", candidates.items.offsets, candidates.size());
  check_shape(op, "visible", candidates.visible, candidates.size());
  if (candidates.size() != 0 && rows != 0 && candidates.window < 1)
    throw ArgumentError(concatenate(op, ": window is ", candidates.window, ", expected at least 1"));
  check_visible(op, offsets, candidates.items.offsets, candidates.visible);
  if constexpr (host_readable<Space>) {
    index_t pairs = 0;
    for (index_t c = 0; c < candidates.size(); ++c)
      pairs += std::min<index_t>(candidates.visible(c), candidates.window);
    if (candidates.pairs != pairs)
      throw ShapeError(
          concatenate(op, ": pairs is ", candidates.pairs, ", expected ", pairs, ", the sum of min(visible, window)"));
  }
}

/// What forward and backward have in common.
template <class Arguments>
void check_candidate_attention(const char* op, const Arguments& a) {
  check_attention_unit(op, a.unit, a.keys.columns());
  check_pair_bias(op, a.unit, a.weighting);
  if (a.unit.decay) check_shape(op, "times", a.times, a.keys.rows());
  check_candidates(op, a.offsets, a.keys.rows(), a.candidates);
  check_shape(op, "queries", a.queries, a.candidates.size(), a.keys.columns());
  check_shape(op, "weights", a.weights, a.unit.heads() * a.candidates.pairs);
}

/// @throws ShapeError when extents or what candidates see disagree, ArgumentError when window is below 1, heads do not
/// divide the width, or there is a bias without a softmax.
/// Cost: 2 pairs (D F1 + F1 F2 + ...) operations.
template <class Context>
void candidate_attention_forward(Context& context, const CandidateAttentionForward<Context>& a) {
  constexpr const char* op = "candidate_attention";
  check_candidate_attention(op, a);
  check_shape(op, "y", a.y, a.queries.rows(), a.keys.columns());
  check_optional_shape(op, "saved", a.saved, candidate_attention_saved_size(a.candidates, a.unit));
  using fallback::candidate_attention_forward;
  candidate_attention_forward(context, a);
}

/// @throws as the forward pass. Cost: twice the forward's.
template <class Context>
void candidate_attention_backward(Context& context, const CandidateAttentionBackward<Context>& a) {
  constexpr const char* op = "candidate_attention backward";
  check_candidate_attention(op, a);
  check_shape(op, "saved", a.saved, candidate_attention_saved_size(a.candidates, a.unit));
  check_shape(op, "dy", a.dy, a.queries.rows(), a.keys.columns());
  check_optional_shape(op, "dkeys", a.dkeys.view, a.keys.rows(), a.keys.columns());
  check_optional_shape(op, "dqueries", a.dqueries.view, a.queries.rows(), a.keys.columns());
  using fallback::candidate_attention_backward;
  candidate_attention_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
