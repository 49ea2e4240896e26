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

/// What paired_bootstrap found.
struct BootstrapResult {
  double mean_difference = 0;  ///< mean of a - b
  double p_value = 1;          ///< two-sided, of the hypothesis that the true mean difference is 0
  double lower = 0;            ///< of the confidence interval of the mean difference
  double upper = 0;
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
/// @param a, b (n) the metric of the same users in the same order, finite
/// @throws ShapeError if the lengths differ, DataError for less than two users, NonFiniteError on NaN or infinity,
///         ArgumentError on an option out of range
inline BootstrapResult paired_bootstrap(std::span<const double> a, std::span<const double> b,
                                        const BootstrapOptions& options = {}) {
  check_extent("paired_bootstrap", "number of users of b", std::ssize(b), std::ssize(a));
  check_argument(options.resamples >= 1, "paired_bootstrap resamples", options.resamples, "at least 1");
  check_argument(options.confidence > 0 && options.confidence < 1, "paired_bootstrap confidence", options.confidence,
                 "a number between 0 and 1");
  if (a.size() < 2 || a.size() > std::numeric_limits<std::uint32_t>::max())
    throw DataError(concatenate("paired_bootstrap: ", a.size(), " users were given, expected 2 .. 2^32 - 1"));
  std::vector<double> differences(a.size());
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    differences[i] = a[i] - b[i];
    if (!std::isfinite(differences[i]))
      throw NonFiniteError(
          concatenate("paired_bootstrap: user ", i, " has ", a[i], " and ", b[i], ", expected finite numbers"));
    sum += differences[i];
  }
  const auto users = static_cast<double>(a.size());
  BootstrapResult result;
  result.mean_difference = sum / users;

  std::vector<double> means(static_cast<std::size_t>(options.resamples));
  share_work(options.resamples, options.threads, [&](index_t first, index_t last) {
    for (auto k = static_cast<std::size_t>(first); k < static_cast<std::size_t>(last); ++k) {
      RandomStream random(options.seed, Purpose::resampling, k);
      double drawn = 0;
      for (std::size_t i = 0; i < a.size(); ++i)
        drawn += differences[random.below(static_cast<std::uint32_t>(a.size()))];
      means[k] = drawn / users;
    }
  });
  const auto as_far = 1 + std::count_if(means.begin(), means.end(), [&](double mean) {
                        return std::abs(mean - result.mean_difference) >= std::abs(result.mean_difference);
                      });
  result.p_value = static_cast<double>(as_far) / static_cast<double>(options.resamples + 1);
  std::sort(means.begin(), means.end());
  const auto outside = static_cast<std::size_t>((1 - options.confidence) / 2 * static_cast<double>(options.resamples));
  result.lower = means[outside];
  result.upper = means[means.size() - 1 - outside];
  return result;
}

}  // namespace seqrec
