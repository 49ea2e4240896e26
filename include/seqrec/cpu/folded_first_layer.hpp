// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/gemm.hpp"
#include "seqrec/cpu/pair_blocks.hpp"
#include "seqrec/cpu/pieces.hpp"
#include "seqrec/cpu/split_first_layer.hpp"
#include "seqrec/ops/candidate_attention.hpp"

// An attention unit's first layer, folded into a matrix for each candidate:
//
//     z_cj = M_c k_j + ((Wq + Wd) q_c + b),    M_c = (Wk - Wd) + Wp diag(q_c)
//
// One product a pair, and nothing for each history row: the form for histories that one candidate sees, as in a batch
// of clicks. Making M_c costs about what two rows pay for its product, taking its gradient apart what four do.

namespace seqrec::cpu::detail {

/// Whether this form is the cheaper one: where there are so many history rows for each candidate. (Matrices cost six of
/// them, and products of a history's few rows are slower than of a block's.)
template <class Candidates>
bool folding_pays(const Candidates& candidates, index_t history_rows) {
  constexpr index_t rows_a_matrix_costs = 8;
  return history_rows >= rows_a_matrix_costs * candidates.size();
}

/// The forward pass of this form. M_c is made in the panels that products read.
template <class Ctx>
class FoldedFirstLayer {
 public:
  using S = typename Ctx::Scalar;
  using View = matrix_of<Ctx>;

  FoldedFirstLayer(Ctx& context, const CandidateAttentionForward<Ctx>& a, const PairBlocks<Ctx>& blocks)
      : a_(a), blocks_(blocks), of_queries_(first_layer_of_queries(context, a.unit, a.queries)) {
    const index_t width = a.keys.columns(), units = a.unit.units(0), size = packed_size<S>(width, units);
    const AttentionFirstLayer first(a.unit.hidden[0].weight);
    const View combined = context.matrix(units, width);
    combine(first.k, first.difference, S(-1), combined);
    of_keys_ = pack(transposed(combined), context.vector(size).data);
    of_products_ = pack(transposed(first.product), context.vector(size).data);
    folded_ = context.vector(size).data;
  }

  /// @param z (pairs, F1) written
  void operator()(const PairBlock& block, View z) const {
    blocks_.for_each_candidate(block, [&](index_t c, index_t pair, index_t key, index_t seen) {
      if (seen == 0) return;
      const const_vector_of<Ctx> of_query(of_queries_.row(c), of_queries_.columns());
      gemm_bias(a_.keys.row_range(key, seen), fold(a_.queries.row(c)), of_query, false, z.row_range(pair, seen));
    });
  }

 private:
  /// M_c, transposed.
  Packed<S> fold(const S* query) const {
    constexpr index_t panel = packed_columns<S>;
    const index_t width = of_keys_.rows(), units = of_keys_.columns();
    for (index_t first = 0; first < units; first += panel) {
      const index_t count = whole_registers<S>(std::min(panel, units - first));
      for (index_t d = 0, at = first * width; d < width; ++d, at += panel)
        array(folded_ + at, count) = array(of_keys_.data + at, count) + query[d] * array(of_products_.data + at, count);
    }
    return {folded_, width, units};
  }

  const CandidateAttentionForward<Ctx>& a_;
  const PairBlocks<Ctx>& blocks_;
  View of_queries_;                  ///< (C, F1)
  Packed<S> of_keys_, of_products_;  ///< (D, F1)
  S* folded_ = nullptr;
};

/// Its backward pass. Adds to the gradients of keys and queries.
template <class Ctx>
class FoldedFirstLayerBackward {
 public:
  using S = typename Ctx::Scalar;
  using View = matrix_of<Ctx>;

  FoldedFirstLayerBackward(Ctx& context, const CandidateAttentionBackward<Ctx>& a, const PairBlocks<Ctx>& blocks)
      : a_(a),
        blocks_(blocks),
        dof_queries_(context.matrix(a.queries.rows(), a.unit.units(0))),
        of_keys_(context.matrix(a.unit.units(0), a.keys.columns())),
        folded_(context.matrix(a.unit.units(0), a.keys.columns())),
        dfolded_(context.matrix(a.unit.units(0), a.keys.columns())),
        dof_keys_(context.matrix(a.unit.units(0), a.keys.columns())) {
    const AttentionFirstLayer first(a.unit.hidden[0].weight);
    combine(first.k, first.difference, S(-1), of_keys_);
    array(dof_queries_.data, dof_queries_.size()).setZero();  // of those who see nothing
    array(dof_keys_.data, dof_keys_.size()).setZero();
  }

  /// @param dz (pairs, F1) gradients of what the forward pass wrote
  void operator()(const PairBlock& block, View dz) const {
    blocks_.for_each_candidate(block, [&](index_t c, index_t pair, index_t key, index_t seen) {
      if (seen == 0) return;
      const View of_candidate = dz.row_range(pair, seen);
      sum_rows(of_candidate, dof_queries_.row(c));
      if (a_.dkeys) {
        fold(c);
        gemm(of_candidate, folded_, a_.dkeys.view.row_range(key, seen), GradientMode::add);
      }
      if (!a_.dqueries && !a_.unit.hidden[0].dweight) return;
      gemm(transposed(of_candidate), a_.keys.row_range(key, seen), dfolded_);
      take_apart(c);
    });
  }

  void finish() const {
    const AttentionFirstLayer dfirst(a_.unit.hidden[0].dweight);
    for (index_t h = 0; dfirst.k && h < dof_keys_.rows(); ++h) {
      row_array(dfirst.k, h) += row_array(dof_keys_, h);
      row_array(dfirst.difference, h) -= row_array(dof_keys_, h);
    }
    first_layer_of_queries_backward(a_, dof_queries_, folded_);
  }

 private:
  static void sum_rows(View rows, S* sum) {
    for_each_piece<S>(rows.columns(), [&](index_t first, auto count) SEQREC_INLINE_LAMBDA {
      Piece<S> of_rows = Piece<S>::Zero();
      for (index_t j = 0; j < rows.rows(); ++j) of_rows += load_piece(rows.row(j) + first, count);
      store_piece(of_rows, sum + first, count);
    });
  }
  /// M_c.
  void fold(index_t c) const {
    const const_matrix_of<Ctx> of_products = AttentionFirstLayer(a_.unit.hidden[0].weight).product;
    for (index_t h = 0; h < folded_.rows(); ++h)
      map_pieces(
          folded_.row(h), folded_.columns(),
          [](const Piece<S>& k, const Piece<S>& q, const Piece<S>& p) -> Piece<S> { return k + q * p; },
          of_keys_.row(h), a_.queries.row(c), of_products.row(h));
  }
  /// Adds the gradient of M_c to those of what it is made of.
  void take_apart(index_t c) const {
    const const_matrix_of<Ctx> of_products = AttentionFirstLayer(a_.unit.hidden[0].weight).product;
    const matrix_of<Ctx> dof_products = AttentionFirstLayer(a_.unit.hidden[0].dweight).product;
    for_each_piece<S>(dfolded_.columns(), [&](index_t first, auto count) SEQREC_INLINE_LAMBDA {
      const Piece<S> q = load_piece(a_.queries.row(c) + first, count);
      Piece<S> dq = Piece<S>::Zero();
      for (index_t h = 0; h < dfolded_.rows(); ++h) {
        const Piece<S> d = load_piece(dfolded_.row(h) + first, count);
        dq += d * load_piece(of_products.row(h) + first, count);
        if (!dof_products) continue;
        add_piece<S>(d, dof_keys_.row(h) + first, count);
        add_piece<S>(d * q, dof_products.row(h) + first, count);
      }
      if (a_.dqueries) add_piece(dq, a_.dqueries.view.row(c) + first, count);
    });
  }

  const CandidateAttentionBackward<Ctx>& a_;
  const PairBlocks<Ctx>& blocks_;
  View dof_queries_;                            ///< (C, F1) sums over pairs
  View of_keys_, folded_, dfolded_, dof_keys_;  ///< (F1, D)
};

}  // namespace seqrec::cpu::detail
