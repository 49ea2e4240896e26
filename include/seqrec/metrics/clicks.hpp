// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/metrics/calibration.hpp"
#include "seqrec/metrics/classification.hpp"

namespace seqrec {

/// What ClickMetrics found. An impression is an item that was shown to a user, with the label whether it was clicked.
struct ClickResult {
  index_t users = 0;              ///< all that were added
  index_t users_with_both = 0;    ///< those with a positive and a negative: only they have an AUC of their own
  index_t impressions = 0;        ///< of all users
  index_t positives = 0;          ///< among them
  double pooled_auc = 0;          ///< over all pairs of a positive and a negative, whosever they are
  double user_auc = 0;            ///< mean over users with both labels; NaN if there is none
  double gauc = 0;                ///< the same mean, weighted by the users' impressions; NaN if there is none
  double log_loss = 0;            ///< over all impressions, of calibrated scores where a calibration was given
  double base_rate_log_loss = 0;  ///< the floor: of the best constant prediction
  double normalised_entropy = 0;  ///< log_loss / base_rate_log_loss: below 1 is better than the base rate

  /// Shows every metric as (name, value), for tables and result files.
  template <class Visitor>
  void for_each_metric(Visitor&& visit) const {
    visit("pooled_auc", pooled_auc);
    visit("user_auc", user_auc);
    visit("gauc", gauc);
    visit("log_loss", log_loss);
    visit("base_rate_log_loss", base_rate_log_loss);
    visit("normalised_entropy", normalised_entropy);
  }

  /// The value of a metric, e.g. result["gauc"].
  /// @throws ArgumentError naming the metrics there are
  double operator[](std::string_view name) const {
    std::optional<double> found;
    std::string known;
    for_each_metric([&](const char* metric, double value) {
      known += concatenate(known.empty() ? "" : ", ", metric);
      if (metric == name) found = value;
    });
    if (!found) throw ArgumentError(concatenate("metric is ", name, ", expected one of ", known));
    return *found;
  }
};

/// Metrics of click prediction over the impressions of many users: pooled AUC, the mean of the users' own AUCs, GAUC
/// (Zhu et al. 2017, "Optimized cost per click in Taobao display advertising"; as in DIN, weighted by impressions),
/// log loss and its floor. Exact; keeps every score, nine bytes an impression.
///
/// A user whose labels are all alike has no AUC and counts in neither mean, with its impressions; it does count in the
/// pooled AUC and the log loss. `users` and `users_with_both` say how many there are.
class ClickMetrics {
 public:
  /// The next user: scores (higher is more likely; log-odds if the log loss is to mean something) and 0/1 labels.
  /// @throws ShapeError if the lengths differ, NonFiniteError on NaN or infinity, ArgumentError on another label or if
  ///         there are no impressions
  template <class Score, class Label>
  void add(std::span<const Score> scores, std::span<const Label> labels) {
    detail::check_scored_labels("ClickMetrics", scores, labels);
    check_argument(!scores.empty(), "ClickMetrics: impressions", scores.size(), "at least 1");
    for (std::size_t i = 0; i < scores.size(); ++i) {
      scores_.push_back(static_cast<double>(scores[i]));
      labels_.push_back(labels[i] == Label{1});
    }
    offsets_.push_back(scores_.size());
  }

  index_t users() const { return std::ssize(offsets_) - 1; }

  /// The calibration that suits these impressions best; see fit_calibration.
  Calibration calibration() const;

  /// Scores are taken as log-odds as they are.
  /// @throws DataError unless both labels occur
  ClickResult result() const { return result(Calibration{}); }

  /// With the log loss of calibrated scores. The AUCs stay what they are.
  /// @param calibration fitted on other impressions: validation's
  /// @throws DataError unless both labels occur
  ClickResult result(const Calibration& calibration) const;

 private:
  std::span<const double> all_scores() const { return scores_; }
  std::span<const std::uint8_t> all_labels() const { return labels_; }

  std::vector<double> scores_;           // by user
  std::vector<std::uint8_t> labels_;     // 0 or 1
  std::vector<std::size_t> offsets_{0};  // where each user's impressions start
};

#if SEQREC_BODIES

SEQREC_FUNCTION Calibration ClickMetrics::calibration() const { return fit_calibration(all_scores(), all_labels()); }

SEQREC_FUNCTION ClickResult ClickMetrics::result(const Calibration& calibration) const {
  ClickResult result;
  result.users = users();
  result.impressions = std::ssize(scores_);
  result.positives = std::count(labels_.begin(), labels_.end(), 1);
  result.pooled_auc = auc(all_scores(), all_labels());
  double sum = 0, weighted_sum = 0, weights = 0;
  for (std::size_t user = 0; user + 1 < offsets_.size(); ++user) {
    const std::size_t begin = offsets_[user], count = offsets_[user + 1] - begin;
    const auto labels = all_labels().subspan(begin, count);
    if (std::find(labels.begin(), labels.end(), 0) == labels.end() ||
        std::find(labels.begin(), labels.end(), 1) == labels.end())
      continue;
    const double own = auc(all_scores().subspan(begin, count), labels);
    ++result.users_with_both;
    sum += own;
    weighted_sum += own * static_cast<double>(count);
    weights += static_cast<double>(count);
  }
  const double nan = std::numeric_limits<double>::quiet_NaN();
  result.user_auc = result.users_with_both > 0 ? sum / static_cast<double>(result.users_with_both) : nan;
  result.gauc = result.users_with_both > 0 ? weighted_sum / weights : nan;
  std::vector<double> logits(scores_.size());
  std::transform(scores_.begin(), scores_.end(), logits.begin(), calibration);
  result.log_loss = seqrec::log_loss(std::span<const double>(logits), all_labels());
  result.base_rate_log_loss = seqrec::base_rate_log_loss(result.positives, result.impressions);
  result.normalised_entropy = seqrec::normalised_entropy(result.log_loss, result.base_rate_log_loss);
  return result;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
