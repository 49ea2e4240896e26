// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/score_block.hpp"
#include "seqrec/ops/top_k.hpp"

namespace seqrec::cpu {

namespace detail {

/// A row of the answer in the making: the best items so far, in order.
template <class S>
struct BestItems {
  item_t* items;
  S* scores;
  index_t wanted;

  S worst() const { return scores[wanted - 1]; }
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

/// How far from its `item_score` a product's score of one of these items may be, for a state of length 1; and what the
/// biases add to that.
template <class Ctx>
struct LargestRounding {
  using S = typename Ctx::Scalar;
  S of_vectors = 0, of_biases = 0;

  LargestRounding(const ItemHead<Ctx>& head, index_t first, index_t count) {
    S squares = 0, bias = 0;  // what is not a number has no part: it is seen without
    for (index_t item = first; item < first + count; ++item) {
      const S here = row_array(head.table, item).square().sum();
      if (here > squares) squares = here;
      if (head.bias && std::abs(head.bias(item)) > bias) bias = std::abs(head.bias(item));
    }
    of_vectors = score_rounding(head.width(), squares, S(0));
    of_biases = score_rounding(head.width(), S(0), bias);
  }
};

}  // namespace detail

template <class S, int W>
void top_k(BasicContext<S, W>& context, const TopK<BasicContext<S, W>>& a) {
  constexpr S lowest = -std::numeric_limits<S>::infinity();
  constexpr index_t few = 4;  // queries: a product would gain less than the rounding of its scores costs to bound
  const index_t rows = a.queries.rows(), items = a.head.items(), wanted = a.items.columns();
  const detail::ScoreBlock block = detail::score_block(rows, items);
  S* memory = context.vector(block.rows * block.items).data;
  for (index_t i = 0; i < rows; ++i) {
    std::fill_n(a.items.row(i), wanted, item_t{-1});
    std::fill_n(a.scores.row(i), wanted, lowest);
  }
  detail::LargestRounding<BasicContext<S, W>> rounding(a.head, 0, 0);
  for (index_t start = 0; start < rows; start += block.rows)
    for (index_t first = 0; first < items; first += block.items) {
      const index_t count = std::min(block.items, items - first);
      const MatrixView<S, HostSpace> scores(memory, std::min(block.rows, rows - start), count);
      const bool as_product = scores.rows() >= few;
      if (as_product)
        detail::score_items_in_block(a.head, a.queries.row_range(start, scores.rows()), first, count, scores);
      if (as_product && (start == 0 || count < items))
        rounding = detail::LargestRounding<BasicContext<S, W>>(a.head, first, count);
      for (index_t i = 0; i < scores.rows(); ++i) {
        const auto query = row_array(a.queries, start + i);
        S* row = scores.row(i);
        if (!as_product)
          for (index_t column = 0; column < count; ++column) row[column] = item_score(a.head, query, first + column);
        if (a.exclusions)
          for (index_t e = a.exclusions.offsets(start + i); e < a.exclusions.offsets(start + i + 1); ++e) {
            const index_t column = a.exclusions.values(e) - first;
            if (column >= 0 && column < count) row[column] = lowest;
          }
        // A product adds up full and leftover panels in different orders, so equal items may differ in their last bits.
        // What comes that close to the worst kept score is scored again, in one order for all.
        const detail::BestItems<S> best{a.items.row(start + i), a.scores.row(start + i), wanted};
        if (best.refused()) continue;
        S slack = rounding.of_vectors * std::sqrt(query.square().sum()) + rounding.of_biases;
        if (!(slack >= 0)) slack = -lowest;
        S threshold = best.worst() - slack;
        for (index_t column = 0; column < count; ++column) {
          if (row[column] <= threshold) continue;  // what is not a number passes
          const S score = as_product ? item_score(a.head, query, first + column) : row[column];
          if (std::isnan(score)) {
            best.refuse();
            break;
          }
          best.offer(first + column, score);
          threshold = best.worst() - slack;
        }
      }
    }
}

}  // namespace seqrec::cpu
