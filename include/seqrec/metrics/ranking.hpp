// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

/// The average-rank tie policy: 1 + how many candidates score more than the target + half of how many score the same.
/// The mean of the ranks that breaking the ties at random would give, so ties help and harm nobody: a model that scores
/// everything alike gets the middle rank, where a policy that favours the target would call it perfect.
constexpr double average_rank(index_t greater, index_t equal) {
  return 1.0 + static_cast<double>(greater) + 0.5 * static_cast<double>(equal);
}

/// The average rank of a target among other candidates (its own score not among them).
/// @throws NonFiniteError if a score is NaN, which compares as neither greater nor equal and would rank first
template <class Score>
double average_rank_among(Score target, std::span<const Score> others) {
  bool is_nan = std::isnan(target);
  index_t greater = 0, equal = 0;
  for (const Score other : others) {
    is_nan |= std::isnan(other);
    greater += other > target;
    equal += other == target;
  }
  if (is_nan) throw NonFiniteError("average_rank_among: a score is NaN, expected a number");
  return average_rank(greater, equal);
}

// Metrics of one user with one relevant item (leave-one-out), from its rank: 1 is best, ties make it a half-integer.

/// Hit rate at K: whether the rank is at most K (Deshpande and Karypis 2004). Average rank 10.5 is no hit at 10.
constexpr double hit_rate(double rank, int cutoff) { return rank <= cutoff ? 1.0 : 0.0; }

/// Recall at K: the share of the relevant items that are ranked at most K; of one item, the hit rate.
constexpr double recall(double rank, int cutoff) { return hit_rate(rank, cutoff); }

/// Normalised discounted cumulative gain at K (Järvelin and Kekäläinen 2002): 1 / log2(rank + 1) within the cut-off,
/// else 0. The ideal ranking of one item has gain 1, so there is nothing to divide by.
inline double ndcg(double rank, int cutoff) { return rank <= cutoff ? 1.0 / std::log2(rank + 1.0) : 0.0; }

/// Reciprocal rank at K (Voorhees 1999): 1 / rank within the cut-off, else 0.
constexpr double reciprocal_rank(double rank, int cutoff) { return rank <= cutoff ? 1.0 / rank : 0.0; }

/// Precision at K: the share of the K best ranked that is relevant; of one relevant item hit rate / K.
constexpr double precision(double rank, int cutoff) { return hit_rate(rank, cutoff) / cutoff; }

/// Average precision at K (Buckley and Voorhees 2000), whose mean over users is MAP@K: the precision at the rank of
/// each relevant item within the cut-off, over their number. Of one relevant item that is the reciprocal rank, ties
/// included.
constexpr double average_precision(double rank, int cutoff) { return reciprocal_rank(rank, cutoff); }

/// Area under the ROC curve of one user: the share of the other candidates that score below the target, ties counting
/// half. Linear in the rank, so unlike the metrics above its expectation does not change when candidates are sampled
/// uniformly (Krichene and Rendle 2020, "On sampled metrics for item recommendation").
constexpr double user_auc(double rank, index_t candidates) {
  return 1.0 - (rank - 1.0) / static_cast<double>(candidates - 1);
}

/// What RankingMetrics is to report.
struct RankingOptions {
  std::vector<int> cutoffs = {5, 10, 20};  ///< K of the metrics at K: distinct, at least 1
};

/// The mean of one metric over users.
struct RankingMetric {
  std::string name;           ///< "hr@10", "ndcg@10", "mrr@10", "recall@10", "map@10", "precision@10" or "auc"
  double value = 0;           ///< mean over users
  double standard_error = 0;  ///< of that mean: sample deviation / sqrt(users); NaN for a single user
};

/// What RankingMetrics found.
struct RankingResult {
  index_t users = 0;
  std::vector<RankingMetric> metrics;  ///< each "metric@K" at each cut-off in the order given, then auc

  /// The metric of that name.
  /// @throws ArgumentError naming the metrics there are
  const RankingMetric& metric(std::string_view name) const;

  /// The value of a metric, e.g. result["ndcg@10"].
  double operator[](std::string_view name) const { return metric(name).value; }
};

/// HR, NDCG, MRR, Recall, MAP and Precision at several K and per-user AUC, as means over users, from ranks and nothing
/// else. Keeps the ranks, so that sums are taken in user order, and that two models can be compared user by user.
class RankingMetrics {
 public:
  /// Where one user's target came out.
  struct UserRank {
    double rank;         ///< 1 .. candidates, a half-integer after a tie
    index_t candidates;  ///< how many items were ranked, the target among them
  };

  /// @throws ArgumentError if a cut-off is below 1 or given twice
  explicit RankingMetrics(RankingOptions options = {});

  /// The next user. @param rank of the target, by average_rank   @param candidates ranked, the target among them
  /// @throws ArgumentError unless candidates >= 2 (one alone ranks first whatever its score) and 1 <= rank <=
  /// candidates
  void add(double rank, index_t candidates);

  index_t users() const { return static_cast<index_t>(ranks_.size()); }

  /// In the order in which they were added.
  std::span<const UserRank> ranks() const { return ranks_; }

  /// @throws DataError if no user was added: there is no mean of nobody
  RankingResult result() const;

 private:
  template <class OfUser>
  RankingMetric mean_over_users(std::string name, OfUser&& of_user) const {
    const auto count = static_cast<double>(ranks_.size());
    double sum = 0;
    for (const UserRank& user : ranks_) sum += of_user(user);
    const double mean = sum / count;
    double squares = 0;
    for (const UserRank& user : ranks_) squares += (of_user(user) - mean) * (of_user(user) - mean);
    const double deviation = ranks_.size() > 1 ? std::sqrt(squares / (count - 1.0))  // of a single user is not known
                                               : std::numeric_limits<double>::quiet_NaN();
    return {std::move(name), mean, deviation / std::sqrt(count)};
  }

  std::vector<int> cutoffs_;
  std::vector<UserRank> ranks_;
};

#if SEQREC_BODIES

SEQREC_FUNCTION const RankingMetric& RankingResult::metric(std::string_view name) const {
  std::string known;
  for (const RankingMetric& metric : metrics) {
    if (metric.name == name) return metric;
    known += (known.empty() ? "" : ", ") + metric.name;
  }
  throw ArgumentError(concatenate("metric is ", name, ", expected one of ", known));
}

SEQREC_FUNCTION RankingMetrics::RankingMetrics(RankingOptions options) : cutoffs_(std::move(options.cutoffs)) {
  for (auto cutoff = cutoffs_.begin(); cutoff != cutoffs_.end(); ++cutoff) {
    check_argument(*cutoff >= 1, "RankingMetrics: cut-off K", *cutoff, "at least 1");
    check_argument(std::find(cutoffs_.begin(), cutoff, *cutoff) == cutoff, "RankingMetrics: cut-off K", *cutoff,
                   "to be given once");
  }
}

SEQREC_FUNCTION void RankingMetrics::add(double rank, index_t candidates) {
  check_argument(candidates >= 2, "RankingMetrics: candidates", candidates, "the target and at least one other item");
  const bool in_range = rank >= 1.0 && rank <= static_cast<double>(candidates);  // false for NaN
  if (!in_range)
    throw ArgumentError(concatenate("RankingMetrics: rank is ", rank, ", expected 1 .. ", candidates, " (candidates)"));
  ranks_.push_back({rank, candidates});
}

SEQREC_FUNCTION RankingResult RankingMetrics::result() const {
  if (ranks_.empty()) throw DataError("RankingMetrics: 0 users were ranked, expected at least 1");
  RankingResult result{users(), {}};
  const auto add_metric = [&](std::string name, auto&& of_user) {
    result.metrics.push_back(mean_over_users(std::move(name), of_user));
  };
  const auto add_at_cutoffs = [&](const std::string& name, auto&& of_rank) {
    for (const int cutoff : cutoffs_)
      add_metric(name + "@" + std::to_string(cutoff), [&](UserRank user) { return of_rank(user.rank, cutoff); });
  };
  add_at_cutoffs("hr", [](double rank, int cutoff) { return hit_rate(rank, cutoff); });
  add_at_cutoffs("ndcg", [](double rank, int cutoff) { return ndcg(rank, cutoff); });
  add_at_cutoffs("mrr", [](double rank, int cutoff) { return reciprocal_rank(rank, cutoff); });
  add_at_cutoffs("recall", [](double rank, int cutoff) { return recall(rank, cutoff); });
  add_at_cutoffs("map", [](double rank, int cutoff) { return average_precision(rank, cutoff); });
  add_at_cutoffs("precision", [](double rank, int cutoff) { return precision(rank, cutoff); });
  add_metric("auc", [](UserRank user) { return user_auc(user.rank, user.candidates); });
  return result;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
