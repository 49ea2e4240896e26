// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/dropout.hpp"
#include "seqrec/cpu/gemm.hpp"
#include "seqrec/cpu/pieces.hpp"
#include "seqrec/ops/moe_ffn.hpp"

namespace seqrec::cpu {

namespace detail {

/// Rows of a matrix in the order of the assignments.
template <class Context, class Source>
matrix_of<Context> moe_sorted(Context& context, const MoeRouting<Context>& routing, const Source& source) {
  const auto sorted = context.matrix(routing.num_assignments(), source.columns());
  for (index_t p = 0; p < sorted.rows(); ++p) std::copy_n(source.row(routing.rows(p)), source.columns(), sorted.row(p));
  return sorted;
}

/// Calls work(expert, first, count) for each expert that has assignments.
template <class Context, class Work>
void for_each_expert(const MoeRouting<Context>& routing, Work&& work) {
  for (index_t e = 0; e < routing.num_experts(); ++e)
    if (const index_t first = routing.starts(e), count = routing.starts(e + 1) - first; count > 0)
      work(e, first, count);
}

}  // namespace detail

template <class S, int W>
void moe_ffn_forward(BasicContext<S, W>& context, const MoeFfnForward<BasicContext<S, W>>& a) {
  using ConstMatrix = MatrixView<const S, HostSpace>;
  const MoeRouting<BasicContext<S, W>>& routing = a.routing;
  const index_t width = a.x.columns(), units = a.hidden.columns(), experts = routing.num_experts();
  const auto x = detail::moe_sorted(context, routing, a.x), z = context.matrix(routing.num_assignments(), width);
  const index_t words = mask_words(units);
  const auto kept = a.dropout.active() ? context.template vector<std::uint64_t>(routing.num_assignments() * words)
                                       : VectorView<std::uint64_t, HostSpace>{};
  const auto scale = static_cast<S>(a.dropout.scale());
  detail::for_each_expert(routing, [&](index_t e, index_t first, index_t count) {
    const auto hidden = a.hidden.row_range(first, count);
    const const_vector_of<BasicContext<S, W>> bias(a.experts.bias1.row(e), units);
    gemm_bias(ConstMatrix(x.row_range(first, count)), transposed(a.experts.weight1.row_range(e * units, units)), bias,
              true, hidden);
    if (kept) {
      draw_mask(
          a.dropout, count,
          [&](index_t i) { return (index_t{a.dropout.first_row} + routing.rows(first + i)) * experts + e; },
          [&](index_t) { return units; }, kept.data + first * words, words);
      for (index_t i = 0; i < count; ++i)
        mask_elements(hidden.row(i), units, KeptRow<S>{kept.data + (first + i) * words, scale});
    }
    gemm(ConstMatrix(hidden), transposed(a.experts.weight2.row_range(e * width, width)), z.row_range(first, count));
  });
  for (index_t n = 0; n < a.y.rows(); ++n) {
    S* const y = a.y.row(n);
    if (!a.base)
      std::fill_n(y, width, S(0));
    else if (a.base.row(n) != y)
      std::copy_n(a.base.row(n), width, y);
    for (index_t k = 0; k < a.weights.columns(); ++k) {
      const S weight = a.weights(n, k);
      const index_t e = routing.experts(n, k);
      map_pieces(
          y, width,
          [weight](const Piece<S>& sum, const Piece<S>& product, const Piece<S>& bias) -> Piece<S> {
            return sum + weight * (product + bias);
          },
          y, z.row(routing.places(n, k)), a.experts.bias2.row(e));
    }
  }
}

template <class S, int W>
void moe_ffn_backward(BasicContext<S, W>& context, const MoeFfnBackward<BasicContext<S, W>>& a) {
  using ConstMatrix = MatrixView<const S, HostSpace>;
  const MoeRouting<BasicContext<S, W>>& routing = a.routing;
  const index_t width = a.x.columns(), units = a.hidden.columns(), assignments = routing.num_assignments();
  const auto scale = static_cast<S>(a.dropout.scale());
  const auto x = detail::moe_sorted(context, routing, a.x), dz = detail::moe_sorted(context, routing, a.dy);
  const auto dh = context.matrix(assignments, units);  // first without the weight of the row's expert
  const auto dx = a.dx ? context.matrix(assignments, width) : matrix_of<BasicContext<S, W>>{};
  const auto weights = context.vector(assignments), dweights = context.vector(assignments);
  for (index_t n = 0; n < a.weights.rows(); ++n)
    for (index_t k = 0; k < a.weights.columns(); ++k) weights(routing.places(n, k)) = a.weights(n, k);

  detail::for_each_expert(routing, [&](index_t e, index_t first, index_t count) {
    const auto hidden = a.hidden.row_range(first, count);
    const auto dz_here = dz.row_range(first, count), dh_here = dh.row_range(first, count);
    const auto weight1 = a.experts.weight1.row_range(e * units, units);
    gemm(ConstMatrix(dz_here), a.experts.weight2.row_range(e * width, width), dh_here);
    for (index_t i = 0; i < count; ++i) {
      const auto h = row_array(hidden, i);
      auto d = row_array(dh_here, i), d_z = row_array(dz_here, i);
      const S weight = weights(first + i);
      // The expert's result is W2 h + b2, so its product with dy is that of h with W2' dy, and of b2 with dy.
      if (a.dweights) dweights(first + i) = (h * d).sum() + (array(a.experts.bias2.row(e), width) * d_z).sum();
      // h > 0 says both that the unit was positive and that dropout kept it.
      d = (h > S(0)).select(weight * scale * d, S(0));
      d_z *= weight;
      if (a.dbias1) row_array(a.dbias1, e) += d;
      if (a.dbias2) row_array(a.dbias2, e) += d_z;
    }
    if (a.dweight1)
      gemm(transposed(dh_here), ConstMatrix(x.row_range(first, count)), a.dweight1.row_range(e * units, units),
           GradientMode::add);
    if (a.dweight2) gemm(transposed(dz_here), hidden, a.dweight2.row_range(e * width, width), GradientMode::add);
    if (a.dx) gemm(ConstMatrix(dh_here), weight1, dx.row_range(first, count));
  });

  for (index_t n = 0; n < a.weights.rows(); ++n)
    for (index_t k = 0; k < a.weights.columns(); ++k) {
      const index_t place = routing.places(n, k);
      if (a.dweights) {
        S& there = a.dweights.view(n, k);
        there = a.dweights.adds() ? there + dweights(place) : dweights(place);
      }
      if (!a.dx) continue;
      if (k == 0)
        leave_row(a.dx, n, row_array(dx, place));
      else
        row_array(a.dx.view, n) += row_array(dx, place);
    }
}

}  // namespace seqrec::cpu
