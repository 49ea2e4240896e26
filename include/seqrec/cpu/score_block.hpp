// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/gemm.hpp"
#include "seqrec/cpu/pack_items.hpp"
#include "seqrec/ops/item_head.hpp"

// How the CPU scores items. Whatever does it, for the whole catalogue, a part of it or listed items, for one state or
// many, does it here: every score is the same product's, which adds up in one order wherever an item or a state stands.
// So an item's score is the same to the last bit whoever asks, and equal items have equal scores.

namespace seqrec::cpu::detail {

/// How many rows are scored against how many items at once.
struct ScoreBlock {
  index_t rows, items;
};

/// At most a megabyte of floats, so that a block is still in cache when it is read again. The whole catalogue where at
/// least 8 rows of it fit; of a larger one a part, against more rows, because parts of a large table are read from
/// memory again for every block of rows. Parts begin where panels of a packed table do.
constexpr ScoreBlock score_block(index_t rows, index_t items) {
  constexpr index_t elements = index_t{1} << 18, most_rows = 128, fewest_rows = 8;
  if (items <= elements / fewest_rows)
    return {std::min(rows, std::clamp(elements / std::max<index_t>(items, 1), fewest_rows, most_rows)), items};
  constexpr index_t panels = 64;  // a multiple of the columns of a panel, whatever the registers
  const index_t block_rows = std::min(rows, most_rows);
  return {block_rows, std::min(items, elements / std::max<index_t>(block_rows, 1) / panels * panels)};
}

/// Scores rows of states against items first .. first+count-1.   @param scores (rows, count) written
template <class Ctx>
void score_items_in_block(const ItemHead<Ctx>& head, const_matrix_of<Ctx> states, index_t first, index_t count,
                          matrix_of<Ctx> scores) {
  using S = typename Ctx::Scalar;
  const auto bias = head.bias ? head.bias.row_range(first, count) : head.bias;
  if (head.packed && first % packed_columns<S> == 0) {
    const Packed<S> items{head.packed.data, head.width(), head.items()};
    gemm_bias(states, items.column_range(first, count), bias, false, scores);
  } else {
    gemm_bias(states, transposed(head.table.row_range(first, count)), bias, false, scores);
  }
}

/// The score of one item for one row of states.
template <class Ctx>
typename Ctx::Scalar score_item(const ItemHead<Ctx>& head, const_matrix_of<Ctx> states, index_t row, index_t item) {
  typename Ctx::Scalar score;
  score_items_in_block(head, states.row_range(row, 1), item, 1, {&score, 1, 1});
  return score;
}

}  // namespace seqrec::cpu::detail
