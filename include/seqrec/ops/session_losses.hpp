// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/options.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/ops/lanes.hpp"
#include "seqrec/ops/row_losses.hpp"

// The ranking losses of GRU4Rec's papers, of scores r = elu(s): that of the target i, those of the negatives j. With
// many negatives most are far below the target, and a mean over them learns little; the "max" losses weigh each with
// its share of a softmax over the negatives, w_j = exp(r_j) / sum over negatives k of exp(r_k). A row without
// negatives, or whose negatives are all left out, has loss 0.

namespace seqrec {

namespace detail {

/// The exponential linear unit (Clevert et al. 2016, arXiv:1511.07289): x above 0, alpha (exp(x) - 1) below. With alpha
/// 0 it is none: scores stay as they are.
struct ScoreElu {
  double alpha;

  template <class Lanes>
  SEQREC_HOST_DEVICE Lanes operator()(Lanes x) const {
    using namespace lanes;
    if (alpha == 0) return x;
    const Lanes zero(0.0), bent = static_cast<Lanes>(alpha) * (exp(x) - Lanes(1.0));
    const Lanes lowest(static_cast<double>(lanes::lowest_number<typename Sum<Lanes>::Scalar>));
    return where_less(x, lowest, x, where_less(x, zero, bent, x));  // what is left out stays so
  }
  /// The derivative at x, from y = elu(x).
  template <class Lanes>
  SEQREC_HOST_DEVICE Lanes slope(Lanes y) const {
    using namespace lanes;
    if (alpha == 0) return Lanes(1.0);
    return where_less(y, Lanes(0.0), y + static_cast<Lanes>(alpha), Lanes(1.0));
  }
};

/// elu of all scores, in their place.   @return the highest of the negatives', the lowest number where there are none
template <class Lanes, class Scores>
SEQREC_HOST_DEVICE Lanes apply_elu(const ScoreElu& elu, Scores scores, index_t count) {
  using namespace lanes;
  Lanes top(static_cast<double>(lanes::lowest_number<typename Sum<Lanes>::Scalar>));
  scores.set(0, elu(scores.get(0)));
  for (index_t j = 1; j < count; ++j) {
    const Lanes y = elu(scores.get(j));
    top = max(y, top);
    scores.set(j, y);
  }
  return top;
}

/// 1 / x, and 0 where there is nothing to divide by.   @param x not below 0
template <class Lanes>
SEQREC_HOST_DEVICE Lanes inverse(Lanes x) {
  using namespace lanes;
  return where_less(Lanes(0.0), x, Lanes(1.0) / x, x);
}

/// A sum in double of what was rounded before.
template <class Lanes>
SEQREC_HOST_DEVICE lanes::Sum<Lanes> sum_of(Lanes x) {
  lanes::Sum<Lanes> sum;
  sum.add(x);
  return sum;
}

/// The part of TOP1 that a negative j has, sigmoid(r_j - r_i) + sigmoid(r_j^2), with its derivatives.
template <class Lanes>
struct Top1Pair {
  Lanes loss;
  Lanes by_target;  ///< less the derivative by r_i
  Lanes slope;      ///< derivative by r_j

  SEQREC_HOST_DEVICE Top1Pair(Lanes target, Lanes negative)
      : Top1Pair(negative, lanes::Softplus<Lanes>(negative - target), lanes::Softplus<Lanes>(negative * negative)) {}

 private:
  SEQREC_HOST_DEVICE Top1Pair(Lanes negative, const lanes::Softplus<Lanes>& lead, const lanes::Softplus<Lanes>& size)
      : loss(lead.slope + size.slope),
        by_target(lead.slope * lead.complement),
        slope(by_target + Lanes(2.0) * negative * size.slope * size.complement) {}
};

}  // namespace detail

/// TOP1 (Hidasi et al. 2016, arXiv:1511.06939, section 3.2.2): an approximation of the target's relative rank, and a
/// pull of the negatives' scores towards 0:
/// loss = mean over negatives j of sigmoid(r_j - r_i) + sigmoid(r_j^2).
struct Top1 {
  static constexpr const char* name = "TOP1";
  static constexpr const char* key = "top1";
  double elu = 0;

  template <class Lanes, class Scores>
  SEQREC_HOST_DEVICE lanes::Sum<Lanes> over_row(Scores scores, index_t count) const {
    using namespace lanes;
    const detail::ScoreElu bend{elu};
    detail::apply_elu<Lanes>(bend, scores, count);
    const Lanes target = scores.get(0);
    Sum<Lanes> negatives, loss, slopes;
    for (index_t j = 1; j < count; ++j) negatives.add(unless_left_out(scores.get(j), Lanes(1.0)));
    const Lanes share = detail::inverse(negatives.rounded());
    for (index_t j = 1; j < count; ++j) {
      const Lanes score = scores.get(j);
      const detail::Top1Pair<Lanes> pair(target, score);
      loss.add(unless_left_out(score, share * pair.loss));
      slopes.add(unless_left_out(score, share * pair.by_target));
      scores.set(j, unless_left_out(score, share * pair.slope * bend.slope(score)));
    }
    scores.set(0, -slopes.rounded() * bend.slope(target));
    return loss;
  }

  void check() const { check_options(name, *this); }
  std::string text() const { return elu == 0 ? name : concatenate(name, ", elu ", elu); }

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("elu", elu, not_negative(), "alpha of the exponential linear unit that scores pass; 0: they do not");
  }
};

/// TOP1-max (Hidasi & Karatzoglou 2018, arXiv:1706.03847, section 3.2):
/// loss = sum over negatives j of w_j (sigmoid(r_j - r_i) + sigmoid(r_j^2)).
struct Top1Max {
  static constexpr const char* name = "TOP1-max";
  static constexpr const char* key = "top1-max";
  double elu = 0;

  template <class Lanes, class Scores>
  SEQREC_HOST_DEVICE lanes::Sum<Lanes> over_row(Scores scores, index_t count) const {
    using namespace lanes;
    const detail::ScoreElu bend{elu};
    const Lanes top = detail::apply_elu<Lanes>(bend, scores, count), target = scores.get(0);
    const auto weight = [&](Lanes score) { return unless_left_out(score, exp(score - top)); };
    Sum<Lanes> weights, losses, slopes;
    for (index_t j = 1; j < count; ++j) {
      const Lanes score = scores.get(j), w = weight(score);
      weights.add(w);
      losses.add(unless_left_out(score, w * detail::Top1Pair<Lanes>(target, score).loss));
    }
    const Lanes share = detail::inverse(weights.rounded()), loss = share * losses.rounded();
    for (index_t j = 1; j < count; ++j) {
      const Lanes score = scores.get(j), w = share * weight(score);
      const detail::Top1Pair<Lanes> pair(target, score);
      slopes.add(unless_left_out(score, w * pair.by_target));
      scores.set(j, unless_left_out(score, w * (pair.loss - loss + pair.slope) * bend.slope(score)));
    }
    scores.set(0, -slopes.rounded() * bend.slope(target));
    return detail::sum_of(loss);
  }

  void check() const { check_options(name, *this); }
  std::string text() const { return elu == 0 ? name : concatenate(name, ", elu ", elu); }

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("elu", elu, not_negative(), "alpha of the exponential linear unit that scores pass; 0: they do not");
  }
};

/// BPR-max with a regularisation of the scores (the same, section 3.3 and 3.3.1): the target above those negatives that
/// are high, and the scores of these kept small:
/// loss = -log(sum over negatives j of w_j sigmoid(r_i - r_j)) + score_regularisation (sum over j of w_j r_j^2).
struct BprMax {
  static constexpr const char* name = "BPR-max";
  static constexpr const char* key = "bpr-max";
  double score_regularisation = 0;
  double elu = 0;

  /// With l_j = sigmoid(r_j - r_i) and B = sum of w_j l_j the first part is -log(1 - B), its derivatives are
  /// w_j (l_j - B + l_j (1 - l_j)) / (1 - B). Where B comes close to 1, that is a difference of nearly equal numbers
  /// over another; with v_j, the share of w_j (1 - l_j) in its sum, they are w_j - v_j (1 - l_j), without a division.
  template <class Lanes, class Scores>
  SEQREC_HOST_DEVICE lanes::Sum<Lanes> over_row(Scores scores, index_t count) const {
    using namespace lanes;
    const Lanes half(0.5), one(1.0), two(2.0);
    const auto penalty = static_cast<Lanes>(score_regularisation);
    const detail::ScoreElu bend{elu};
    const Lanes top = detail::apply_elu<Lanes>(bend, scores, count), target = scores.get(0);
    const Softplus<Lanes> of_top(top - target);
    const auto weight = [&](Lanes score) { return unless_left_out(score, exp(score - top)); };
    const auto chosen = [&](Lanes score, const Softplus<Lanes>& lead) {  // in units of the highest score's
      return unless_left_out(score, exp(score - top + (of_top.value - lead.value)));
    };
    Sum<Lanes> weights, all_chosen, leads, squares;
    for (index_t j = 1; j < count; ++j) {
      const Lanes score = scores.get(j), w = weight(score);
      const Softplus<Lanes> lead(score - target);
      weights.add(w);
      all_chosen.add(chosen(score, lead));
      leads.add(w * lead.slope);
      squares.add(unless_left_out(score, w * score * score));
    }
    const Lanes share = detail::inverse(weights.rounded()), share_chosen = detail::inverse(all_chosen.rounded());
    const Lanes lost = share * leads.rounded(), mean_square = share * squares.rounded();  // B
    const Lanes above = where_less(half, lost, of_top.value - log1p(share * (all_chosen.rounded() - weights.rounded())),
                                   -log1p(-where_less(half, lost, half, lost)));
    const Lanes factor = one / where_less(half, lost, half, one - lost);
    Sum<Lanes> slopes;
    for (index_t j = 1; j < count; ++j) {
      const Lanes score = scores.get(j), w = share * weight(score);
      const Softplus<Lanes> lead(score - target);
      const Lanes v = share_chosen * chosen(score, lead), curved = lead.slope * lead.complement;
      const Lanes slope = where_less(half, lost, w - v * lead.complement, factor * w * (lead.slope - lost + curved));
      const Lanes of_target = where_less(half, lost, v * lead.slope, factor * w * curved);
      slopes.add(unless_left_out(score, of_target));
      const Lanes pull = penalty * w * (score * score - mean_square + two * score);
      scores.set(j, unless_left_out(score, (slope + pull) * bend.slope(score)));
    }
    scores.set(0, -slopes.rounded() * bend.slope(target));
    return detail::sum_of(above + penalty * mean_square);
  }

  void check() const { check_options(name, *this); }
  std::string text() const {
    return concatenate(name, ", score regularisation ", score_regularisation,
                       elu == 0 ? std::string() : concatenate(", elu ", elu));
  }

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("score_regularisation", score_regularisation, not_negative(), "how strongly negatives are pulled to score 0");
    visit("elu", elu, not_negative(), "alpha of the exponential linear unit that scores pass; 0: they do not");
  }
};

}  // namespace seqrec
