// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

namespace detail {

template <class Score, class Label>
void check_scored_labels(const char* metric, std::span<const Score> scores, std::span<const Label> labels) {
  check_extent(metric, "number of labels", static_cast<index_t>(labels.size()), static_cast<index_t>(scores.size()));
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!std::isfinite(scores[i]))
      throw NonFiniteError(concatenate(metric, ": score ", i, " is ", scores[i], ", expected a finite number"));
    if (labels[i] != Label{0} && labels[i] != Label{1})
      throw ArgumentError(concatenate(metric, ": label ", i, " is ", +labels[i], ", expected 0 or 1"));
  }
}

}  // namespace detail

/// Area under the ROC curve over all pairs of a positive and a negative: the share in which the positive scores more,
/// a tie counting half (Mann and Whitney 1947; Fawcett 2006). Exact: pairs are counted in integers, nothing is binned.
///
/// Pooled over users it also rewards scores that are comparable between users; the mean over users of `user_auc` does
/// not. The two differ by more than models do, so never compare one with the other.
///
/// @param scores (n) finite, any monotone scale   @param labels (n) 0 or 1
/// @throws ShapeError if the lengths differ, NonFiniteError on NaN or infinity, ArgumentError on another label,
///         DataError unless both labels occur
template <class Score, class Label>
double auc(std::span<const Score> scores, std::span<const Label> labels) {
  detail::check_scored_labels("auc", scores, labels);
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });

  std::uint64_t positives = 0, negatives = 0;  // below the present score
  std::uint64_t half_wins = 0;                 // two for a win, one for a tie
  for (std::size_t first = 0; first < order.size();) {
    std::uint64_t tied_positives = 0, tied_negatives = 0;
    std::size_t last = first;
    for (; last < order.size() && scores[order[last]] == scores[order[first]]; ++last)
      ++(labels[order[last]] == Label{1} ? tied_positives : tied_negatives);
    half_wins += 2 * tied_positives * negatives + tied_positives * tied_negatives;
    positives += tied_positives;
    negatives += tied_negatives;
    first = last;
  }
  if (positives == 0 || negatives == 0)
    throw DataError(concatenate("auc: labels hold ", positives, " positives and ", negatives,
                                " negatives, expected at least one of each"));
  return 0.5 * static_cast<double>(half_wins) / (static_cast<double>(positives) * static_cast<double>(negatives));
}

/// Mean negative log-likelihood of the labels, in nats, where `logits` are log-odds: of sigmoid(logit) for label 1.
/// Works on the logit and not on the probability, so it neither overflows nor needs to clip.
/// @param logits (n) finite   @param labels (n) 0 or 1
/// @throws ShapeError if the lengths differ, NonFiniteError on NaN or infinity, ArgumentError on another label,
///         DataError if there are none
template <class Score, class Label>
double log_loss(std::span<const Score> logits, std::span<const Label> labels) {
  detail::check_scored_labels("log_loss", logits, labels);
  if (logits.empty()) throw DataError("log_loss: 0 labels were given, expected at least 1");
  double sum = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const double against = labels[i] == Label{1} ? -static_cast<double>(logits[i]) : static_cast<double>(logits[i]);
    sum += std::max(against, 0.0) + std::log1p(std::exp(-std::abs(against)));  // log(1 + exp(against))
  }
  return sum / static_cast<double>(logits.size());
}

/// The log loss of the best constant prediction, the share p of positives: the entropy -p ln p - (1-p) ln(1-p) of the
/// mean label, in nats. A model whose log loss is not below this floor knows nothing that the base rate does not say.
/// 0 if only one label occurs. @throws ArgumentError unless 0 <= positives <= labels and labels >= 1
inline double base_rate_log_loss(index_t positives, index_t labels) {
  check_argument(labels >= 1, "base_rate_log_loss: labels", labels, "at least 1");
  check_argument(positives >= 0 && positives <= labels, "base_rate_log_loss: positives", positives,
                 "0 .. number of labels");
  double entropy = 0;
  for (const index_t count : {positives, labels - positives}) {
    const double share = static_cast<double>(count) / static_cast<double>(labels);
    if (count > 0) entropy -= share * std::log(share);
  }
  return entropy;
}

/// Log loss over the base-rate floor: below 1 where a model knows more than the base rate (He et al. 2014, "Practical
/// lessons from predicting clicks on ads at Facebook"). Unlike the log loss itself it can be compared between data sets
/// with different shares of positives. Not a number if only one label occurs, where the floor is 0.
inline double normalised_entropy(double log_loss, double base_rate_log_loss) {
  return base_rate_log_loss > 0 ? log_loss / base_rate_log_loss : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace seqrec
