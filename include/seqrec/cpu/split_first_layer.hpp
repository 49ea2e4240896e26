// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/gemm.hpp"
#include "seqrec/cpu/pair_blocks.hpp"
#include "seqrec/ops/candidate_attention.hpp"

// An attention unit's first layer, split into what it makes of keys, of queries and of their products:
//
//     z_cj = (Wk - Wd) k_j + ((Wq + Wd) q_c + b) + Wp (q_c * k_j)
//
// The first part is computed once a history row, however many candidates see it: the form for histories that many
// candidates share (folded_first_layer.hpp has the other one).

namespace seqrec::cpu::detail {

/// What the first layer multiplies k by (`sign` -1), or q (`sign` +1).
template <class S>
void combine(MatrixView<const S, HostSpace> part, MatrixView<const S, HostSpace> difference, S sign,
             MatrixView<S, HostSpace> combined) {
  for (index_t h = 0; h < combined.rows(); ++h)
    row_array(combined, h) = row_array(part, h) + sign * row_array(difference, h);
}

/// What the first layer makes of queries, bias included (C, F1).
template <class Ctx>
matrix_of<Ctx> first_layer_of_queries(Ctx& context, const AttentionUnit<Ctx>& unit, const_matrix_of<Ctx> queries) {
  using S = typename Ctx::Scalar;
  const AttentionFirstLayer first(unit.hidden[0].weight);
  const MatrixView<S, HostSpace> of_queries = context.matrix(queries.rows(), unit.units(0)),
                                 combined = context.matrix(unit.units(0), queries.columns());
  combine(first.q, first.difference, S(1), combined);
  gemm_bias(queries, transposed(combined), const_vector_of<Ctx>(unit.hidden[0].bias), false, of_queries);
  return of_queries;
}

/// Backward of such a part: from dz (N or C, F1), the sums over pairs, to the first layer's weights and to x (N or C,
/// D); null for what is not wanted.
template <class S>
void separate_part_backward(MatrixView<const S, HostSpace> x, MatrixView<S, HostSpace> dz,
                            MatrixView<const S, HostSpace> part, MatrixView<const S, HostSpace> difference, S sign,
                            MatrixView<S, HostSpace> dpart, MatrixView<S, HostSpace> ddifference,
                            MatrixView<S, HostSpace> dx, MatrixView<S, HostSpace> scratch) {
  if (dpart) {
    gemm(transposed(dz), x, scratch);
    for (index_t h = 0; h < scratch.rows(); ++h) {
      row_array(dpart, h) += row_array(scratch, h);
      row_array(ddifference, h) += sign * row_array(scratch, h);
    }
  }
  if (!dx) return;
  combine(part, difference, sign, scratch);
  gemm(dz, scratch, dx, GradientMode::add);
}

/// Backward of the part that is made of queries: from dz (C, F1), the sums over a candidate's pairs.
template <class Ctx>
void first_layer_of_queries_backward(const CandidateAttentionBackward<Ctx>& a, matrix_of<Ctx> dz,
                                     matrix_of<Ctx> scratch) {
  using S = typename Ctx::Scalar;
  const auto& layer = a.unit.hidden[0];
  const AttentionFirstLayer first(layer.weight);
  const AttentionFirstLayer dfirst(layer.dweight);
  separate_part_backward(a.queries, dz, first.q, first.difference, S(1), dfirst.q, dfirst.difference, a.dqueries.view,
                         scratch);
  if (layer.dbias)
    for (index_t c = 0; c < dz.rows(); ++c) array(layer.dbias.data, dz.columns()) += row_array(dz, c);
}

/// x_p = q_c * k_j for the pairs of a block.
template <class Ctx, class S>
void multiply_pairs(const PairBlocks<Ctx>& blocks, const PairBlock& block, MatrixView<const S, HostSpace> keys,
                    MatrixView<const S, HostSpace> queries, MatrixView<S, HostSpace> x) {
  blocks.for_each_candidate(block, [&](index_t c, index_t pair, index_t key, index_t seen) {
    const auto q = row_array(queries, c);
    for (index_t j = 0; j < seen; ++j) row_array(x, pair + j) = q * row_array(keys, key + j);
  });
}

/// The forward pass of this form.
template <class Ctx>
class SplitFirstLayer {
 public:
  using View = matrix_of<Ctx>;

  SplitFirstLayer(Ctx& context, const CandidateAttentionForward<Ctx>& a, const PairBlocks<Ctx>& blocks)
      : a_(a),
        blocks_(blocks),
        of_keys_(context.matrix(a.keys.rows(), a.unit.units(0))),
        of_queries_(first_layer_of_queries(context, a.unit, a.queries)),
        products_(context.matrix(blocks.most_pairs(), a.keys.columns())) {
    using S = typename Ctx::Scalar;
    const AttentionFirstLayer first(a.unit.hidden[0].weight);
    const View combined = context.matrix(a.unit.units(0), a.keys.columns());
    combine(first.k, first.difference, S(-1), combined);
    gemm(a.keys, transposed(combined), of_keys_);
  }

  /// @param z (pairs, F1) written
  void operator()(const PairBlock& block, View z) const {
    const View x = products_.row_range(0, block.pairs());
    multiply_pairs(blocks_, block, a_.keys, a_.queries, x);
    gemm(x, transposed(AttentionFirstLayer(a_.unit.hidden[0].weight).product), z);
    blocks_.for_each_candidate(block, [&](index_t c, index_t pair, index_t key, index_t seen) {
      const auto q = row_array(of_queries_, c);
      for (index_t j = 0; j < seen; ++j) row_array(z, pair + j) += q + row_array(of_keys_, key + j);
    });
  }

 private:
  const CandidateAttentionForward<Ctx>& a_;
  const PairBlocks<Ctx>& blocks_;
  View of_keys_, of_queries_;  ///< (N, F1), (C, F1)
  View products_;              ///< of a block
};

/// Its backward pass. Adds to the gradients of keys and queries.
template <class Ctx>
class SplitFirstLayerBackward {
 public:
  using View = matrix_of<Ctx>;

  SplitFirstLayerBackward(Ctx& context, const CandidateAttentionBackward<Ctx>& a, const PairBlocks<Ctx>& blocks)
      : a_(a),
        blocks_(blocks),
        dof_keys_(context.matrix(a.keys.rows(), a.unit.units(0))),
        dof_queries_(context.matrix(a.queries.rows(), a.unit.units(0))),
        products_(context.matrix(blocks.most_pairs(), a.keys.columns())),
        dproducts_(context.matrix(blocks.most_pairs(), a.keys.columns())),
        scratch_(context.matrix(a.unit.units(0), a.keys.columns())) {
    array(dof_keys_.data, dof_keys_.size()).setZero();
    array(dof_queries_.data, dof_queries_.size()).setZero();
  }

  /// @param dz (pairs, F1) gradients of what the forward pass wrote
  void operator()(const PairBlock& block, View dz) const {
    const auto& layer = a_.unit.hidden[0];
    const View x = products_.row_range(0, block.pairs()), dx = dproducts_.row_range(0, block.pairs());
    if (layer.dweight) {
      multiply_pairs(blocks_, block, a_.keys, a_.queries, x);
      gemm(transposed(dz), x, AttentionFirstLayer(layer.dweight).product, GradientMode::add);
    }
    gemm(dz, AttentionFirstLayer(layer.weight).product, dx);
    blocks_.for_each_candidate(block, [&](index_t c, index_t pair, index_t key, index_t seen) {
      const auto q = row_array(a_.queries, c);
      auto dof_query = row_array(dof_queries_, c);
      for (index_t j = 0; j < seen; ++j) {
        if (a_.dkeys) row_array(a_.dkeys.view, key + j) += row_array(dx, pair + j) * q;
        if (a_.dqueries) row_array(a_.dqueries.view, c) += row_array(dx, pair + j) * row_array(a_.keys, key + j);
        row_array(dof_keys_, key + j) += row_array(dz, pair + j);
        dof_query += row_array(dz, pair + j);
      }
    });
  }

  void finish() const {
    using S = typename Ctx::Scalar;
    const AttentionFirstLayer first(a_.unit.hidden[0].weight);
    const AttentionFirstLayer dfirst(a_.unit.hidden[0].dweight);
    separate_part_backward(a_.keys, dof_keys_, first.k, first.difference, S(-1), dfirst.k, dfirst.difference,
                           a_.dkeys.view, scratch_);
    first_layer_of_queries_backward(a_, dof_queries_, scratch_);
  }

 private:
  const CandidateAttentionBackward<Ctx>& a_;
  const PairBlocks<Ctx>& blocks_;
  View dof_keys_, dof_queries_;  ///< (N, F1), (C, F1) sums over pairs
  View products_, dproducts_;    ///< of a block
  View scratch_;                 ///< (F1, D)
};

}  // namespace seqrec::cpu::detail
