// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/random.hpp"
#include "seqrec/core/share_work.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

/// How users are resampled.
struct BootstrapOptions {
  index_t resamples = 10000;
  double confidence = 0.95;  ///< of the interval, in (0, 1)
  std::uint64_t seed = 1;
  int threads = 0;  ///< 0 is one for each core; results do not depend on it
};

/// What paired_bootstraps found.
struct BootstrapResult {
  double mean_difference = 0;  ///< mean of a - b
  double p_value = 1;          ///< two-sided, of the hypothesis that the true mean difference is 0
  double lower = 0;            ///< of the confidence interval of the mean difference
  double upper = 0;
};

/// A metric of two models, user by user.
struct PairedMetric {
  std::span<const double> a, b;  ///< (n) of the same users in the same order, finite
};

/// Whether two models differ by more than the choice of users explains: the bootstrap of the mean difference of a
/// per-user metric, both models on the same users (Efron and Tibshirani 1993, chapters 13 and 16; Smucker, Allan and
/// Carterette 2007 compare it with other tests of rankings).
///
/// Users are drawn with replacement, as many as there are. The interval holds the middle `confidence` of the means of
/// the resamples (percentile method). The p-value is the share of resamples whose mean departs from the observed mean
/// at least as far as that departs from 0, the data itself counted as one more resample, so it is never 0.
/// Deterministic. It speaks about other users, not about other seeds of the training.
///
/// Several pairs share the resamples, whose drawing is most of the work; each result is what the pair alone gives.
///
/// @param pairs of as many users each
/// @throws ShapeError if numbers of users differ, DataError for less than two users, NonFiniteError on NaN or infinity,
///         ArgumentError on an option out of range
inline std::vector<BootstrapResult> paired_bootstraps(std::span<const PairedMetric> pairs,
                                                      const BootstrapOptions& options = {}) {
  check_argument(options.resamples >= 1, "paired_bootstrap resamples", options.resamples, "at least 1");
  check_argument(options.confidence > 0 && options.confidence < 1, "paired_bootstrap confidence", options.confidence,
                 "a number between 0 and 1");
  if (pairs.empty()) return {};
  const std::size_t users = pairs.front().a.size(), width = pairs.size();
  if (users < 2 || users > std::numeric_limits<std::uint32_t>::max())
    throw DataError(concatenate("paired_bootstrap: ", users, " users were given, expected 2 .. 2^32 - 1"));
  std::vector<double> differences(users * width);  // a user's of all pairs side by side
  std::vector<BootstrapResult> results(width);
  for (std::size_t pair = 0; pair < width; ++pair) {
    const auto& [a, b] = pairs[pair];
    check_extent("paired_bootstrap", "number of users of a", std::ssize(a), static_cast<index_t>(users));
    check_extent("paired_bootstrap", "number of users of b", std::ssize(b), std::ssize(a));
    double sum = 0;
    for (std::size_t i = 0; i < users; ++i) {
      const double difference = differences[i * width + pair] = a[i] - b[i];
      if (!std::isfinite(difference))
        throw NonFiniteError(
            concatenate("paired_bootstrap: user ", i, " has ", a[i], " and ", b[i], ", expected finite numbers"));
      sum += difference;
    }
    results[pair].mean_difference = sum / static_cast<double>(users);
  }

  const auto resamples = static_cast<std::size_t>(options.resamples);
  std::vector<double> means(width * resamples);  // of a pair one after the other
  share_work(options.resamples, options.threads, [&](index_t first, index_t last) {
    std::vector<double> drawn(width);
    for (auto k = static_cast<std::size_t>(first); k < static_cast<std::size_t>(last); ++k) {
      RandomStream random(options.seed, Purpose::resampling, k);
      std::fill(drawn.begin(), drawn.end(), 0.0);
      for (std::size_t i = 0; i < users; ++i) {
        const double* const user = differences.data() + random.below(static_cast<std::uint32_t>(users)) * width;
        for (std::size_t pair = 0; pair < width; ++pair) drawn[pair] += user[pair];
      }
      for (std::size_t pair = 0; pair < width; ++pair)
        means[pair * resamples + k] = drawn[pair] / static_cast<double>(users);
    }
  });

  const auto outside = static_cast<std::size_t>((1 - options.confidence) / 2 * static_cast<double>(resamples));
  for (std::size_t pair = 0; pair < width; ++pair) {
    BootstrapResult& result = results[pair];
    const std::span of_pair(means.data() + pair * resamples, resamples);
    const auto as_far = 1 + std::count_if(of_pair.begin(), of_pair.end(), [&](double mean) {
                          return std::abs(mean - result.mean_difference) >= std::abs(result.mean_difference);
                        });
    result.p_value = static_cast<double>(as_far) / static_cast<double>(options.resamples + 1);
    std::sort(of_pair.begin(), of_pair.end());
    result.lower = of_pair[outside];
    result.upper = of_pair[resamples - 1 - outside];
  }
  return results;
}

/// The same for one pair.   @param a, b (n) the metric of the same users in the same order, finite
inline BootstrapResult paired_bootstrap(std::span<const double> a, std::span<const double> b,
                                        const BootstrapOptions& options = {}) {
  const PairedMetric pair{a, b};
  return paired_bootstraps({&pair, 1}, options).front();
}

}  // namespace seqrec
