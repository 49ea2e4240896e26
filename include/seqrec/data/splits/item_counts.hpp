// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <vector>

#include "seqrec/core/types.hpp"
#include "seqrec/data/dataset.hpp"
#include "seqrec/data/splits/split.hpp"

namespace seqrec {

/// How often each item occurs in a data set: (V).
inline std::vector<index_t> count_events(const Dataset& data) {
  std::vector<index_t> counts(static_cast<std::size_t>(data.num_items()), 0);
  for (const item_t item : data.items) ++counts.data()[item];
  return counts;
}

/// How often each item occurs in the training events of a split: (V).
inline std::vector<index_t> count_train_events(const Split& split) {
  std::vector<index_t> counts(static_cast<std::size_t>(split.data->num_items()), 0);
  for (index_t user = 0; user < split.data->num_users(); ++user)
    for (const item_t item : split.train_history(user)) ++counts.data()[item];
  return counts;
}

/// Counts to a power, the weights of a draw by popularity (0.75 as Mikolov et al. 2013 drew words). An item that never
/// occurs has weight 0, whatever the exponent.
inline std::vector<double> popularity_weights(const std::vector<index_t>& counts, double exponent) {
  std::vector<double> weights;
  weights.reserve(counts.size());
  for (const index_t count : counts)
    weights.push_back(count == 0 ? 0.0 : std::pow(static_cast<double>(count), exponent));
  return weights;
}

}  // namespace seqrec
