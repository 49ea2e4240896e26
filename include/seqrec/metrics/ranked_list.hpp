// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

// Metrics of one user with several relevant items, from their ranks (1 is best). The ranks are ascending and distinct:
// where scores tie, an order has to be chosen first, because these metrics are not linear in the ranks and have no mean
// rank to speak of. All of them expect at least one relevant item. With a single one they are the functions of one rank
// in ranking.hpp.

namespace detail {

/// How many relevant items are ranked within the cut-off.
/// @throws DataError if there are no relevant items   @throws ArgumentError if ranks do not ascend from at least 1, or
///         the cut-off is below 1
inline index_t count_hits(const char* metric, std::span<const index_t> ranks, int cutoff) {
  if (cutoff < 1) throw ArgumentError(concatenate(metric, ": cut-off K is ", cutoff, ", expected at least 1"));
  if (ranks.empty()) throw DataError(concatenate(metric, ": 0 items are relevant, expected at least 1"));
  index_t above = 0, hits = 0;
  for (const index_t rank : ranks) {
    if (rank <= above)
      throw ArgumentError(concatenate(metric, ": rank is ", rank, ", expected more than ", above,
                                      above == 0 ? "" : ", the rank before it"));
    above = rank;
    hits += rank <= cutoff;
  }
  return hits;
}

}  // namespace detail

/// Hit rate at K: whether any relevant item is ranked at most K.
inline double hit_rate(std::span<const index_t> ranks, int cutoff) {
  return detail::count_hits("hit_rate", ranks, cutoff) > 0 ? 1.0 : 0.0;
}

/// Precision at K: the share of the K best ranked that is relevant. Over K also where fewer items are relevant.
inline double precision(std::span<const index_t> ranks, int cutoff) {
  return static_cast<double>(detail::count_hits("precision", ranks, cutoff)) / cutoff;
}

/// Recall at K: the share of the relevant items that is ranked at most K.
inline double recall(std::span<const index_t> ranks, int cutoff) {
  return static_cast<double>(detail::count_hits("recall", ranks, cutoff)) / static_cast<double>(ranks.size());
}

/// Reciprocal rank at K (Voorhees 1999): 1 / rank of the best ranked relevant item within the cut-off, else 0.
inline double reciprocal_rank(std::span<const index_t> ranks, int cutoff) {
  return detail::count_hits("reciprocal_rank", ranks, cutoff) > 0 ? 1.0 / static_cast<double>(ranks.front()) : 0.0;
}

/// Average precision at K (Buckley and Voorhees 2000), whose mean over users is MAP@K: the sum of the precisions at the
/// ranks of the relevant items within the cut-off, over how many could be there: min(K, relevant items). A perfect list
/// has 1 whatever K is; some tools divide by K or by all relevant items instead.
inline double average_precision(std::span<const index_t> ranks, int cutoff) {
  const index_t hits = detail::count_hits("average_precision", ranks, cutoff);
  double sum = 0;
  for (index_t i = 0; i < hits; ++i) sum += static_cast<double>(i + 1) / static_cast<double>(ranks.data()[i]);
  return sum / static_cast<double>(std::min<index_t>(cutoff, std::ssize(ranks)));
}

/// Normalised discounted cumulative gain at K of binary relevance (Järvelin and Kekäläinen 2002): the sum of
/// 1 / log2(rank + 1) over the relevant items within the cut-off, over that of the ideal list, which has min(K,
/// relevant items) of them at its top.
inline double ndcg(std::span<const index_t> ranks, int cutoff) {
  const index_t hits = detail::count_hits("ndcg", ranks, cutoff);
  const auto gain = [](index_t rank) { return 1.0 / std::log2(static_cast<double>(rank) + 1.0); };
  double found = 0, ideal = 0;
  for (index_t i = 0; i < hits; ++i) found += gain(ranks.data()[i]);
  for (index_t rank = 1; rank <= std::min<index_t>(cutoff, std::ssize(ranks)); ++rank) ideal += gain(rank);
  return found / ideal;
}

}  // namespace seqrec
