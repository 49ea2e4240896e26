// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/core/vocabulary.hpp"
#include "seqrec/data/splits/item_counts.hpp"
#include "seqrec/data/splits/split.hpp"

namespace seqrec {

/// The simplest recommender: the more often an item occurs in the training events, the higher it scores, for everybody
/// alike. A model that is not better has learned nothing about its users.
class Popularity {
 public:
  static constexpr const char* name = "popularity";

  explicit Popularity(const Split& split) : counts_(count_train_events(split)), vocabulary_(split.data->item_ids) {}

  index_t num_items() const { return std::ssize(counts_); }
  /// The original ids of the items.
  const Vocabulary& vocabulary() const { return vocabulary_; }

  /// @param scores (V)   @throws ShapeError if there is not one for each item
  void score(std::span<const item_t> /*history*/, std::span<double> scores) const {
    check_extent("Popularity", "number of scores", std::ssize(scores), num_items());
    std::transform(counts_.begin(), counts_.end(), scores.begin(), [](index_t n) { return static_cast<double>(n); });
  }

 private:
  std::vector<index_t> counts_;
  Vocabulary vocabulary_;
};

}  // namespace seqrec
