// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>

#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/score_block.hpp"
#include "seqrec/ops/top_k.hpp"

namespace seqrec::cpu {

namespace detail {

/// Scores of a register.
template <class S>
inline constexpr index_t score_lanes = Eigen::internal::packet_traits<S>::size;

/// Whether each score of so many registers is a number, and none of them above another.
template <int registers, class S>
bool none_above(const S* scores, S other) {
  using namespace Eigen::internal;
  using Packet = typename packet_traits<S>::type;
  const Packet limit = pset1<Packet>(other);
  Packet above = pcmp_lt_or_nan(limit, ploadu<Packet>(scores));
  for (int i = 1; i < registers; ++i)
    above = por(above, pcmp_lt_or_nan(limit, ploadu<Packet>(scores + i * score_lanes<S>)));
  return !predux_any(above);
}

/// A row of the answer in the making: the best items so far, in order.
template <class S>
struct BestItems {
  item_t* items;
  S* scores;
  index_t wanted;

  S worst() const { return scores[wanted - 1]; }

  /// Offers items first .. first+count-1. All but a few score below the worst kept one, so four registers of them are
  /// looked at together, and of those that hold a better one each by itself.
  void offer_all(const S* of_items, index_t first, index_t count) const {
    constexpr index_t lanes = score_lanes<S>;
    for (index_t i = 0; i < count && !refused();) {
      const index_t left = count - i;
      if (left >= 4 * lanes && none_above<4>(of_items + i, worst())) {
        i += 4 * lanes;
      } else if (left >= lanes && none_above<1>(of_items + i, worst())) {
        i += lanes;
      } else {
        for (const index_t end = i + std::min(left, lanes); i < end; ++i) {
          if (std::isnan(of_items[i])) return refuse();
          offer(first + i, of_items[i]);
        }
      }
    }
  }

  /// An insertion sort: few scores pass the worst kept one. An equal score goes behind those that came before it.
  void offer(index_t item, S score) const {
    if (!(score > worst())) return;
    index_t place = wanted - 1;
    for (; place > 0 && score > scores[place - 1]; --place) {
      items[place] = items[place - 1];
      scores[place] = scores[place - 1];
    }
    items[place] = static_cast<item_t>(item);
    scores[place] = score;
  }

  /// A score that is not a number has no place among others, and neither have they.
  void refuse() const {
    std::fill_n(items, wanted, item_t{-1});
    std::fill_n(scores, wanted, std::numeric_limits<S>::quiet_NaN());
  }
  bool refused() const { return std::isnan(scores[0]); }
};

}  // namespace detail

template <class S, int W>
void top_k(BasicContext<S, W>& context, const TopK<BasicContext<S, W>>& a) {
  constexpr S lowest = -std::numeric_limits<S>::infinity();
  const index_t rows = a.queries.rows(), items = a.head.items(), wanted = a.items.columns();
  const detail::ScoreBlock block = detail::score_block(rows, items);
  S* memory = context.vector(block.rows * block.items).data;
  const detail::PackedProducts<BasicContext<S, W>> score(context, a.head, block.rows);
  for (index_t i = 0; i < rows; ++i) {
    std::fill_n(a.items.row(i), wanted, item_t{-1});
    std::fill_n(a.scores.row(i), wanted, lowest);
  }
  for (index_t start = 0; start < rows; start += block.rows)
    for (index_t first = 0; first < items; first += block.items) {
      const index_t count = std::min(block.items, items - first);
      const MatrixView<S, HostSpace> scores(memory, std::min(block.rows, rows - start), count);
      score(a.queries.row_range(start, scores.rows()), first, count, scores);
      for (index_t i = start; i < start + scores.rows(); ++i) {
        S* const row = scores.row(i - start);
        if (a.exclusions)
          for (index_t e = a.exclusions.offsets(i); e < a.exclusions.offsets(i + 1); ++e) {
            const index_t column = a.exclusions.values(e) - first;
            if (column >= 0 && column < count) row[column] = lowest;
          }
        detail::BestItems<S>{a.items.row(i), a.scores.row(i), wanted}.offer_all(row, first, count);
      }
    }
}

}  // namespace seqrec::cpu
