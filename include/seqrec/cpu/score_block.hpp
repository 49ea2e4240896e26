// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/gemm.hpp"
#include "seqrec/ops/item_head.hpp"

namespace seqrec::cpu {

/// The score of one item, in one order of additions wherever the item stands: equal items have equal scores.
/// @param state (D) as an array
template <class Context, class State>
typename Context::Scalar item_score(const ItemHead<Context>& head, const State& state, index_t item) {
  const auto product = (state * row_array(head.table, item)).sum();
  return head.bias ? product + head.bias(item) : product;
}

namespace detail {

/// How many rows are scored against how many items at once.
struct ScoreBlock {
  index_t rows, items;
};

/// At most a megabyte of floats, so that a block is still in cache when it is read again. The whole catalogue where at
/// least 8 rows of it fit; of a larger one a part, against more rows, because parts of a large table are read from
/// memory again for every block of rows.
constexpr ScoreBlock score_block(index_t rows, index_t items) {
  constexpr index_t elements = index_t{1} << 18, most_rows = 128, fewest_rows = 8;
  if (items <= elements / fewest_rows)
    return {std::min(rows, std::clamp(elements / std::max<index_t>(items, 1), fewest_rows, most_rows)), items};
  const index_t block_rows = std::min(rows, most_rows);
  return {block_rows, std::min(items, elements / std::max<index_t>(block_rows, 1))};
}

/// Scores rows of states against items first .. first+count-1.   @param scores (rows, count) written
template <class Ctx>
void score_items_in_block(const ItemHead<Ctx>& head, const_matrix_of<Ctx> states, index_t first, index_t count,
                          matrix_of<Ctx> scores) {
  gemm(states, transposed(head.table.row_range(first, count)), scores);
  if (!head.bias) return;
  for (index_t i = 0; i < scores.rows(); ++i) row_array(scores, i) += array(head.bias.data + first, count);
}

/// How far scores of equal items may lie apart that were added up in different orders.
/// @param squares |h|^2 |e|^2, at least that of the items in question   @param bias at least theirs
template <class S>
S score_rounding(index_t width, S squares, S bias) {
  constexpr S epsilon = std::numeric_limits<S>::epsilon();
  return S(2) * static_cast<S>(width) * epsilon * std::sqrt(squares) + S(4) * epsilon * std::abs(bias);
}

}  // namespace detail
}  // namespace seqrec::cpu
