// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "seqrec/core/types.hpp"

namespace seqrec {

/// Places among the items that a user has not had, by a score that says nothing where it is 0.
class UnseenRanks {
 public:
  /// @param scores  (V), none negative   @param seen  (V) nonzero for items that do not compete
  void reset(std::span<const double> scores, std::span<const std::int32_t> seen) {
    sorted_.clear();
    for (std::size_t item = 0; item < scores.size(); ++item)
      if (scores[item] > 0 && seen[item] == 0) sorted_.push_back(scores[item]);
    std::sort(sorted_.begin(), sorted_.end(), std::greater<>());
  }

  /// One more than the unseen items of a greater score; NaN for a score of 0.
  float rank(double score) const {
    if (!(score > 0)) return std::numeric_limits<float>::quiet_NaN();
    return static_cast<float>(std::lower_bound(sorted_.begin(), sorted_.end(), score, std::greater<>()) -
                              sorted_.begin() + 1);
  }

 private:
  std::vector<double> sorted_;
};

}  // namespace seqrec
