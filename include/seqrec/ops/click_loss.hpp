// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_shape.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/tensor.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/lanes.hpp"

namespace seqrec {

/// loss_c = scale (softplus(s_c) - y_c s_c): binary cross-entropy of each candidate's label under sigmoid(s_c). Labels
/// between 0 and 1 are allowed. Forward and gradient in one call.
///
/// Where candidates were sampled with probabilities q, not uniformly, the loss may be that of z_c = s_c - log(V q(c))
/// instead: then s_c is what uniform samples would teach (logQ; Gutmann & Hyvärinen 2010). A constant to the gradient.
template <class Context>
struct ClickLoss {
  const_matrix_of<Context> scores;                                     ///< (C, 1) log-odds
  VectorView<const float, typename Context::Space> labels;             ///< (C)
  double scale = 1;                                                    ///< 1 / candidates of the whole step
  VectorView<double, typename Context::Space> losses;                  ///< (C) written
  matrix_of<Context> dscores;                                          ///< (C, 1) written; null if not wanted
  VectorView<const item_t, typename Context::Space> items{};           ///< (C) null: scores are taken as they are
  VectorView<const float, typename Context::Space> log_probability{};  ///< (V) log q; read with items
};

/// The loss of one candidate and its slope, in each lane; what all backends compute.
template <class Lanes>
SEQREC_HOST_DEVICE LossAndSlope<Lanes> loss_of_click(Lanes score, Lanes label) {
  using namespace lanes;
  // In an order that keeps what is left where the label is 1 and the score large, or 0 and far below.
  const Softplus<Lanes> taken(score);
  return {(max(score, Lanes(0.0)) - label * score) + taken.curve,
          (Lanes(1.0) - label) * taken.slope - label * taken.complement};
}

namespace ops {

SEQREC_OP_FALLBACK(click_loss)

/// @throws ShapeError when extents disagree   @throws ArgumentError for items without probabilities
template <class Context>
void click_loss(Context& context, const ClickLoss<Context>& a) {
  constexpr const char* op = "click_loss";
  const index_t candidates = a.scores.rows();
  check_shape(op, "scores", a.scores, candidates, 1);
  check_shape(op, "labels", a.labels, candidates);
  check_shape(op, "losses", a.losses, candidates);
  check_optional_shape(op, "dscores", a.dscores, candidates, 1);
  check_optional_shape(op, "items", a.items, candidates);
  check_argument(!a.items || a.log_probability || candidates == 0, "click_loss log_probability", "null",
                 "one for each item of the catalogue where there are items");
  using fallback::click_loss;
  click_loss(context, a);
}

}  // namespace ops
}  // namespace seqrec
