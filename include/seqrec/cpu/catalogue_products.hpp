// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/gemm.hpp"
#include "seqrec/cpu/pieces.hpp"
#include "seqrec/cpu/score_block.hpp"
#include "seqrec/ops/catalogue_loss.hpp"

// The three products of a catalogue loss: scores of a block of rows against a part of the catalogue, and from powers
// exp(score - highest), which are kept in between, the gradients of states and of the table. In two forms that
// catalogue_loss.hpp can be given: operands of Scalar, and in bfloat16.

namespace seqrec::cpu::detail {

/// Products of Scalars. Powers are kept where the scores were.
template <class Ctx>
class WholeProducts {
 public:
  using S = typename Ctx::Scalar;
  using View = MatrixView<S, HostSpace>;

  WholeProducts(Ctx& context, const CatalogueLoss<Ctx>& a, ScoreBlock block) : a_(a), head_(a.head) {
    // All row blocks of the call meet the same items, so those are laid out once.
    if (!head_.packed && block.items >= a.head.items() && a.states.rows() > block.rows) {
      const auto packed = context.vector(packed_size<S>(a.head.width(), a.head.items()));
      pack(transposed(a.head.table), packed.data);
      head_.packed = packed;
    }
  }

  /// Scores rows `start`.. of the states against items `first`..; the parts of the catalogue come in order.
  void score(index_t start, index_t first, View scores) {
    score_items_in_block(head_, a_.states.row_range(start, scores.rows()), first, scores.columns(), scores);
  }

  /// Keeps powers of a row of the block.   @param place where their scores are   @param column of the part
  EIGEN_ALWAYS_INLINE void keep(const Piece<S>& powers, S* place, index_t /*row*/, index_t /*column*/, index_t count) {
    store_piece(powers, place, count);
  }

  /// The powers' product with the table.   @param powers what stands in the scores' place
  void differentiate_states(index_t first, View powers, View dstates, GradientMode mode) const {
    gemm(powers, a_.head.table.row_range(first, powers.columns()), dstates, mode);
  }
  /// Adds the powers' product with the states, each state times its share.
  void differentiate_table(index_t first, View powers, View states) {
    gemm(transposed(powers), states, a_.dhead.table.row_range(first, powers.columns()), GradientMode::add);
  }

 private:
  const CatalogueLoss<Ctx>& a_;
  ItemHead<Ctx> head_;  ///< that of a_, packed
};

/// Products in bfloat16. Powers are kept twice, because one product adds up over items and the other over rows: each
/// row's in pairs of items, and pairs of rows in pairs.
template <class Ctx>
class Bf16Products {
 public:
  using View = MatrixView<float, HostSpace>;
  using PairView = MatrixView<Bf16Pair, HostSpace>;

  Bf16Products(Ctx& context, const CatalogueLoss<Ctx>& a, ScoreBlock block)
      : a_(a),
        keeps_in_place_(a.dhead.bias),
        states_(pairs(context, block.rows, bf16_pairs(width()))),
        scored_items_(pairs(context, 1, packed_size<Bf16Pair>(bf16_pairs(width()), block.items))) {
    const index_t whole_pieces = round_up(block.items, piece_size<float>);
    if (a.dstates) {
      summed_items_ = pairs(context, 1, packed_size<Bf16Pair>(bf16_pairs(block.items), width()));
      rows_ = pairs(context, block.rows, whole_pieces / 2);
    }
    if (a.dhead.table) {
      summed_states_ = pairs(context, 1, packed_size<Bf16Pair>(bf16_pairs(block.rows), width()));
      row_pairs_ = pairs(context, bf16_pairs(block.rows), whole_pieces);
    }
  }

  void score(index_t start, index_t first, View scores) {
    if (first != first_scored_)
      items_of_scores_ = pack_bf16(transposed(a_.head.table.row_range(first, scores.columns())), scored_items_.data);
    first_scored_ = first;
    if (first == 0) pair_up_rows(a_.states.row_range(start, scores.rows()), states_);
    score_bf16_items_in_block(a_.head, states_.row_range(0, scores.rows()), items_of_scores_, first, scores);
  }

  EIGEN_ALWAYS_INLINE void keep(const Piece<float>& powers, float* place, index_t row, index_t column, index_t count) {
    if (keeps_in_place_) store_piece(powers, place, count);
    static_assert(std::endian::native == std::endian::little, "the first half of a pair is its lower one");
    std::array<std::uint16_t, piece_size<float>> halves;
    bf16_halves(powers.data(), halves.data());
    if (rows_) std::memcpy(rows_.row(row) + column / 2, halves.data(), sizeof(halves));
    if (row_pairs_) {
      Bf16Pair* const to = row_pairs_.row(row / 2) + column;
      if (row % 2 == 0)
        for (std::size_t i = 0; i < halves.size(); ++i) to[i] = halves[i];
      else
        for (std::size_t i = 0; i < halves.size(); ++i) to[i] |= static_cast<Bf16Pair>(halves[i]) << 16;
    }
  }

  void differentiate_states(index_t first, View powers, View dstates, GradientMode mode) {
    if (first != first_summed_)
      items_of_sums_ = pack_bf16(a_.head.table.row_range(first, powers.columns()), summed_items_.data);
    first_summed_ = first;
    gemm(rows_.row_range(0, powers.rows()).column_range(0, items_of_sums_.rows()), items_of_sums_, dstates, mode);
  }
  void differentiate_table(index_t first, View powers, View states) {
    if (first == 0) states_of_sums_ = pack_bf16(states, summed_states_.data);
    gemm(transposed(row_pairs_.row_range(0, states_of_sums_.rows()).column_range(0, powers.columns())), states_of_sums_,
         a_.dhead.table.row_range(first, powers.columns()), GradientMode::add);
  }

 private:
  static PairView pairs(Ctx& context, index_t rows, index_t columns) {
    return {context.template vector<Bf16Pair>(rows * columns).data, rows, columns};
  }
  index_t width() const { return a_.head.width(); }

  const CatalogueLoss<Ctx>& a_;
  bool keeps_in_place_;  ///< powers too, for the bias
  PairView states_, scored_items_, summed_items_{}, summed_states_{};
  PairView rows_{};       ///< powers: (rows, items / 2)
  PairView row_pairs_{};  ///< powers: (rows / 2, items)
  Packed<Bf16Pair> items_of_scores_{}, items_of_sums_{}, states_of_sums_{};
  index_t first_scored_ = -1, first_summed_ = -1;  ///< of the parts whose items are laid out
};

}  // namespace seqrec::cpu::detail
