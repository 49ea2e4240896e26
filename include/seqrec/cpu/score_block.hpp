// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <type_traits>

#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/gemm.hpp"
#include "seqrec/ops/item_head.hpp"

// How the CPU scores items. Whatever does it, for the whole catalogue, a part of it or listed items, for one state or
// many, does it here: every score is the same product's, which adds up in one order wherever an item or a state stands.
// So an item's score is the same to the last bit whoever asks, and equal items have equal scores. The exception is who
// asks for the best items of a table that was packed in bfloat16 (PackedProducts).

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

/// The same with states and items rounded to bfloat16.
/// @param states (rows, pairs of D)   @param items  packed, of this part alone
template <class Ctx>
void score_bf16_items_in_block(const ItemHead<Ctx>& head, MatrixView<const Bf16Pair, HostSpace> states,
                               const Packed<Bf16Pair>& items, index_t first, matrix_of<Ctx> scores) {
  gemm_bias(states, items, head.bias ? head.bias.row_range(first, items.columns()) : head.bias, false, scores);
}

/// Pairs up rows, each along itself.   @param to (rows or more, pairs of D)   @return what was written
inline MatrixView<const Bf16Pair, HostSpace> pair_up_rows(MatrixView<const float, HostSpace> rows,
                                                          MatrixView<Bf16Pair, HostSpace> to) {
  for (index_t i = 0; i < rows.rows(); ++i) pair_up(rows.row(i), rows.columns(), to.row(i));
  return to.row_range(0, rows.rows());
}

/// Scores against a table that may be packed, in bfloat16 where the context multiplies so: whoever packed it wants half
/// the memory read, and scores that are off by some thousandths.
template <class Ctx>
class PackedProducts {
 public:
  using S = typename Ctx::Scalar;
  static constexpr bool knows_bf16 = std::is_same_v<S, float>;

  /// How a packed table lies in memory.
  static bool in_bf16(const Ctx& context) { return knows_bf16 && context.products() == ProductPrecision::bf16; }
  static index_t size(const Ctx& context, index_t items, index_t width) {
    static_assert(sizeof(Bf16Pair) == sizeof(float));
    return in_bf16(context) ? packed_size<Bf16Pair>(bf16_pairs(width), items) : packed_size<S>(width, items);
  }
  static void lay_out(const Ctx& context, const_matrix_of<Ctx> table, S* memory) {
    if constexpr (knows_bf16)
      if (in_bf16(context)) {
        pack_bf16(transposed(table), reinterpret_cast<Bf16Pair*>(memory));
        return;
      }
    pack(transposed(table), memory);
  }

  /// @param rows  of states at once, at most
  PackedProducts(Ctx& context, const ItemHead<Ctx>& head, index_t rows) : head_(head) {
    if (!head.packed || !in_bf16(context)) return;
    const index_t pairs = bf16_pairs(head.width());
    states_ = {context.template vector<Bf16Pair>(rows * pairs).data, rows, pairs};
  }

  /// Scores rows of states against items first .. first+count-1; `first` begins a panel. Parts of the catalogue come in
  /// order, from item 0 on: there the states are rounded.
  void operator()(const_matrix_of<Ctx> states, index_t first, index_t count, matrix_of<Ctx> scores) const {
    if constexpr (knows_bf16)
      if (states_) {
        if (first == 0) pair_up_rows(states, states_);
        const Packed<Bf16Pair> items{reinterpret_cast<const Bf16Pair*>(head_.packed.data), states_.columns(),
                                     head_.items()};
        score_bf16_items_in_block(head_, states_.row_range(0, states.rows()), items.column_range(first, count), first,
                                  scores);
        return;
      }
    score_items_in_block(head_, states, first, count, scores);
  }

 private:
  const ItemHead<Ctx>& head_;
  MatrixView<Bf16Pair, HostSpace> states_{};  ///< in pairs; null where the table is not
};

/// A head by whose table every score is exact.
template <class Ctx>
ItemHead<Ctx> exact_head(const Ctx& context, ItemHead<Ctx> head) {
  if (PackedProducts<Ctx>::in_bf16(context)) head.packed = {};
  return head;
}

/// The score of one item for one row of states.
template <class Ctx>
typename Ctx::Scalar score_item(const ItemHead<Ctx>& head, const_matrix_of<Ctx> states, index_t row, index_t item) {
  typename Ctx::Scalar score;
  score_items_in_block(head, states.row_range(row, 1), item, 1, {&score, 1, 1});
  return score;
}

}  // namespace seqrec::cpu::detail
