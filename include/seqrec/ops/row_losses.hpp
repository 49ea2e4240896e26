// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <concepts>
#include <string>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/options.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/ops/lanes.hpp"

namespace seqrec {

// Losses of one target against a few sampled items, its negatives.
//
// A row loss maps the scores of a row, target first, to a loss and to its derivative by each score. One definition
// serves all backends. It takes one of four forms over lanes (ops/lanes.hpp), which run on many rows at once,
//
//   target(score), negative(score)  pointwise: each score by itself. Both return LossAndSlope
//   lead(difference)                pairwise: each negative's score less the target's. Returns LossAndSlope
//   temperature, is_softmax = true  softmax: cross-entropy of exp(score / temperature)
//   over_row<Lanes>(scores, count)  all of a row's scores together, the target's first: get(j) gives the lanes of score
//                                   j, set(j, slopes) replaces them. Those of minus infinity are left out
//                                   (unless_left_out). Returns the loss, a lanes::Sum<Lanes>
//
// or, where none of these fits, that of a function over one row at a time:
//
//   double operator()(Real* scores, index_t count)   returns the loss and overwrites each score with the derivative
//
// Either must be usable on a device (SEQREC_HOST_DEVICE). A row loss may also offer
//
//   check()                    throws ArgumentError for a number out of range
//   key                        its name among options, where `name` is a long one
//   visit_options(visit)       its numbers by name; see core/options.hpp
//   text()                     its name and numbers, for logs and result files; `name` alone where there is none
//   sampling_correction()      what the log-probability of being sampled counts in a score: see SampledSoftmax
//   row_loss(items, negatives) the row loss to run instead, where it takes the sizes of the problem to know it
//
// One of your own, to be used as BasicNextItem<Hinge>:
//
//   struct Hinge {
//     static constexpr const char* name = "hinge";
//     template <class Lanes>
//     SEQREC_HOST_DEVICE LossAndSlope<Lanes> lead(Lanes x) const {  // max(0, 1 + x)
//       using namespace lanes;
//       const Lanes zero(0.0), one(1.0);
//       return {max(one + x, zero), where_less(-one, x, one, zero)};
//     }
//   };

/// The scores of one row, as a GPU's thread and tests see them.
template <class Real>
struct RowOfScores {
  Real* data;
  index_t stride = 1;  ///< elements from one score to the next

  SEQREC_HOST_DEVICE Real get(index_t j) const { return data[j * stride]; }
  SEQREC_HOST_DEVICE void set(index_t j, Real value) const { data[j * stride] = value; }
};

/// A row loss that looks at each score by itself.
template <class RowLoss>
concept PointwiseLoss = requires(const RowLoss& loss, float score) {
  { loss.target(score) } -> std::same_as<LossAndSlope<float>>;
  { loss.negative(score) } -> std::same_as<LossAndSlope<float>>;
};
/// A row loss that looks at each negative's lead over the target.
template <class RowLoss>
concept PairwiseLoss = requires(const RowLoss& loss, float difference) {
  { loss.lead(difference) } -> std::same_as<LossAndSlope<float>>;
};
/// A row loss that is a cross-entropy of a softmax.
template <class RowLoss>
concept SoftmaxLoss = requires(const RowLoss& loss) {
  { loss.temperature } -> std::convertible_to<double>;
  requires RowLoss::is_softmax;
};
/// A row loss that looks at all scores of a row together.
template <class RowLoss>
concept WholeRowLoss = requires(const RowLoss& loss, RowOfScores<float> scores) {
  { loss.template over_row<float>(scores, index_t{}) } -> std::same_as<lanes::Sum<float>>;
};
/// What can be run on many rows at once.
template <class RowLoss>
concept RowLossOverLanes =
    PointwiseLoss<RowLoss> || PairwiseLoss<RowLoss> || SoftmaxLoss<RowLoss> || WholeRowLoss<RowLoss>;

/// Binary cross-entropy of a target against sampled negatives (SASRec, Kang & McAuley 2018, eq. 6):
/// loss = softplus(-s_0) + sum over j >= 1 of softplus(s_j).
struct BinaryCrossEntropy {
  static constexpr const char* name = "binary cross-entropy";
  static constexpr const char* key = "bce";
  double target_weight = 1;  ///< the factor of softplus(-s_0)

  template <class Lanes>
  SEQREC_HOST_DEVICE LossAndSlope<Lanes> target(Lanes score) const {
    const lanes::Softplus<Lanes> right(-score);
    const auto weight = static_cast<Lanes>(target_weight);
    return {weight * right.value, -weight * right.slope};
  }
  template <class Lanes>
  SEQREC_HOST_DEVICE LossAndSlope<Lanes> negative(Lanes score) const {
    const lanes::Softplus<Lanes> wrong(score);
    return {wrong.value, wrong.slope};
  }

  void check() const { check_options("BinaryCrossEntropy", *this); }
  std::string text() const { return target_weight == 1 ? name : concatenate(name, ", target weight ", target_weight); }

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("target_weight", target_weight, positive(), "of the target in the loss; 1 is the plain one");
  }
};

/// Generalised binary cross-entropy (gSASRec, Petrov & Macdonald 2023, arXiv:2308.07192, section 5): the target's
/// probability to the power of beta, -log(sigmoid(s_0)^beta) - sum over j >= 1 of log(1 - sigmoid(s_j)), where
/// beta = alpha (t (1 - 1 / alpha) + 1 / alpha) and alpha = negatives / (items - 1) is the share of items sampled.
///
/// Against few negatives the plain loss learns probabilities that are too high, and high ones all alike. Calibration t
/// says how much of that is undone: 0 is the plain loss, 1 gives probabilities as if all items had been negatives.
///
/// The logarithm turns beta into a factor of softplus(-s_0), so that no power is taken (the reference code takes it, in
/// double to survive it): this is BinaryCrossEntropy with a target that weighs beta.
struct GeneralisedBinaryCrossEntropy {
  static constexpr const char* name = "generalised binary cross-entropy";
  static constexpr const char* key = "gbce";
  double calibration = 0.75;  ///< t, 0 .. 1

  /// beta, written without the division by alpha. Sampled with replacement, negatives can outnumber the items; the
  /// share of items sampled is then taken to be 1, and the loss is the plain one.
  double target_weight(index_t items, index_t negatives) const {
    const double share = negatives < items - 1 ? static_cast<double>(negatives) / static_cast<double>(items - 1) : 1.0;
    return 1.0 - calibration * (1.0 - share);
  }
  BinaryCrossEntropy row_loss(index_t items, index_t negatives) const { return {target_weight(items, negatives)}; }

  void check() const { check_options("GeneralisedBinaryCrossEntropy", *this); }
  std::string text() const { return concatenate(name, ", calibration ", calibration); }

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("calibration", calibration, fraction(),
          "how much of the overconfidence that few negatives teach is undone: 0 is the plain loss");
  }
};

/// Bayesian personalised ranking (Rendle et al. 2009, arXiv:1205.2618): the target above each negative,
/// loss = sum over j >= 1 of softplus(s_j - s_0).
struct Bpr {
  static constexpr const char* name = "BPR";
  static constexpr const char* key = "bpr";

  template <class Lanes>
  SEQREC_HOST_DEVICE LossAndSlope<Lanes> lead(Lanes difference) const {
    const lanes::Softplus<Lanes> wrong(difference);
    return {wrong.value, wrong.slope};
  }
};

/// Cross-entropy of the softmax over a target and its negatives: loss = log(sum over j of exp(z_j)) - z_0, where
/// z_j = s_j / temperature - log q(item_j) and q is the probability with which an item is sampled.
///
/// The correction by log q ("logQ", Bengio & Senecal 2008; Yi et al. 2019 for recommenders) makes the scores approach
/// those of the full softmax whatever q is; without it, an item that is often a negative is scored too low. It applies
/// to the target as well, although the target was not sampled: the classic formula (arXiv:2507.09331 argues for another
/// one). Uniform sampling needs no correction, since the same number in every z changes nothing.
struct SampledSoftmax {
  static constexpr const char* name = "sampled softmax";
  static constexpr bool is_softmax = true;
  static constexpr const char* key = "sampled-softmax";
  double temperature = 1;
  bool corrects_sampling = true;

  SEQREC_HOST_DEVICE double sampling_correction() const { return corrects_sampling ? temperature : 0.0; }

  void check() const { check_options(name, *this); }
  std::string text() const {
    return concatenate(name, ", temperature ", temperature, corrects_sampling ? "" : ", not corrected for sampling");
  }

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("temperature", temperature, positive(), "scores are divided by it");
    visit("corrects_sampling", corrects_sampling, any(), "subtracts the log-probability of being sampled");
  }
};

/// InfoNCE (contrastive predictive coding, van den Oord et al. 2018, arXiv:1807.03748, eq. 4):
/// loss = log(sum over j of exp(s_j / temperature)) - s_0 / temperature.
///
/// The sampled softmax left uncorrected, which is the point: its scores approach log(p(item | history) / q(item)) up to
/// a constant, how much more likely an item is here than among the negatives, where SampledSoftmax approaches
/// log p(item | history). With uniform negatives the two are one; with negatives drawn by popularity (exponent 1: what
/// the other targets of a batch are) InfoNCE takes popularity out of the scores.
///
/// Scores are dot products, as everywhere. Cosines, which contrastive models also use, would have to be those of the
/// model, or it would be trained on other scores than it ranks by.
struct InfoNce {
  static constexpr const char* name = "InfoNCE";
  static constexpr const char* key = "info-nce";
  double temperature = 1;

  SampledSoftmax row_loss(index_t, index_t) const { return {temperature, false}; }

  void check() const { check_options(name, *this); }
  std::string text() const { return concatenate(name, ", temperature ", temperature); }

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("temperature", temperature, positive(), "scores are divided by it");
  }
};

/// A row loss that wants to know how likely its items were to be sampled.
template <class RowLoss>
concept CorrectsSampling = requires(const RowLoss& loss) {
  { loss.sampling_correction() } -> std::convertible_to<double>;
};

}  // namespace seqrec
