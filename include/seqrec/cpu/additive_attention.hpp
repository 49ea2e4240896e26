// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <utility>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/pieces.hpp"
#include "seqrec/ops/additive_attention.hpp"

// One pair after the other. The exponentials of a pair, as many as it has units, cost more than its sums over columns.
// Queries, keys and weights are first laid out in whole pieces, with zeros behind the last unit: a pair then never
// meets the end of a row, which would cost as much as four whole pieces.

namespace seqrec::cpu {

namespace detail {

template <class S>
Piece<S> squashed(Squash squash, const Piece<S>& x) {
  if (squash == Squash::sigmoid) return x.logistic();
  return (x * S(0.2) + S(0.5)).max(S(0)).min(S(1));
}
/// Its derivative, from what it made.
template <class S>
Piece<S> slope_of_squashed(Squash squash, const Piece<S>& y) {
  if (squash == Squash::sigmoid) return y * (S(1) - y);
  return (y > S(0) && y < S(1)).select(Piece<S>::Constant(S(0.2)), Piece<S>::Zero());
}

template <class S>
Eigen::Map<const Piece<S>> piece(const S* from) {
  return Eigen::Map<const Piece<S>>(from);
}

/// v . squash(q + k)   @param units a whole number of pieces
template <class S>
S additive_score(Squash squash, const S* q, const S* k, const S* v, index_t units) {
  Piece<S> sum = Piece<S>::Zero();
  for (index_t i = 0; i < units; i += piece_size<S>)
    sum += piece(v + i) * squashed<S>(squash, piece(q + i) + piece(k + i));  // v is 0 behind the last unit
  return sum.sum();
}

/// Queries, keys and weights in whole pieces.
template <class Ctx>
struct AdditiveUnits {
  using S = typename Ctx::Scalar;
  index_t units;  ///< F rounded up
  MatrixView<S, HostSpace> queries, keys, weight;

  template <class Arguments>
  AdditiveUnits(Ctx& context, const Arguments& a)
      : units(round_up(a.weight.size(), piece_size<S>)),
        queries(in_pieces(context, a.queries)),
        keys(in_pieces(context, a.keys)),
        weight(in_pieces(context, const_matrix_of<Ctx>{a.weight.data, 1, a.weight.size()})) {}

 private:
  MatrixView<S, HostSpace> in_pieces(Ctx& context, const const_matrix_of<Ctx>& x) const {
    const auto y = context.matrix(x.rows(), units);
    for (index_t row = 0; row < x.rows(); ++row)
      std::fill(std::copy_n(x.row(row), x.columns(), y.row(row)), y.row(row) + units, S(0));
    return y;
  }
};

/// scores = softmax(scores)
template <class S>
void softmax_row(S* scores, index_t size) {
  S most = scores[0];
  for (index_t j = 1; j < size; ++j) most = std::max(most, scores[j]);
  map_pieces(
      scores, size, [most](const Piece<S>& s) -> Piece<S> { return (s - most).exp(); }, scores);
  const S sum = sum_of_pieces(scores, size);
  array(scores, size) *= S(1) / sum;
}

}  // namespace detail

template <class S, int W>
void additive_attention_saved_size(BasicContext<S, W>&, const AdditiveAttentionSavedSize<BasicContext<S, W>>& a) {
  *a.size = 0;
  for (index_t b = 0; b + 1 < a.offsets.size(); ++b) {
    const index_t length = a.offsets(b + 1) - a.offsets(b);
    *a.size += length * (length + 1) / 2;
  }
}

template <class S, int W>
void additive_attention_forward(BasicContext<S, W>& context, const AdditiveAttentionForward<BasicContext<S, W>>& a) {
  const detail::AdditiveUnits<BasicContext<S, W>> of(context, a);
  S* weights = a.saved.data;
  for (index_t b = 0; b + 1 < a.offsets.size(); ++b) {
    const index_t first = a.offsets(b), end = a.offsets(b + 1);
    for (index_t row = first; row < end; weights += row - first + 1, ++row) {
      const index_t seen = row - first + 1;
      for (index_t j = 0; j < seen; ++j)
        weights[j] =
            detail::additive_score(a.squash, of.queries.row(row), of.keys.row(first + j), of.weight.data, of.units);
      if (a.softmax) detail::softmax_row(weights, seen);
      auto y = row_array(a.y, row);
      y.setZero();
      for (index_t j = 0; j < seen; ++j) y += weights[j] * row_array(a.x, first + j);
    }
  }
}

template <class S, int W>
void additive_attention_backward(BasicContext<S, W>& context, const AdditiveAttentionBackward<BasicContext<S, W>>& a) {
  const detail::AdditiveUnits<BasicContext<S, W>> of(context, a);
  const index_t units = of.units, rows = a.x.rows();
  index_t longest = 0;
  for (index_t b = 0; b + 1 < a.offsets.size(); ++b)
    longest = std::max<index_t>(longest, a.offsets(b + 1) - a.offsets(b));
  const auto dscores = context.vector(longest), dweight = context.vector(units);
  // What later rows owe to earlier ones is summed here, and left under the gradients' rules in the end.
  const auto dquery = context.vector(units);
  const auto dkeys = context.matrix(rows, units), dx = context.matrix(rows, a.x.columns());
  std::fill_n(dweight.data, units, S(0));
  std::fill_n(dkeys.data, dkeys.size(), S(0));
  std::fill_n(dx.data, dx.size(), S(0));

  const S* weights = a.saved.data;
  for (index_t b = 0; b + 1 < a.offsets.size(); ++b) {
    const index_t first = a.offsets(b), end = a.offsets(b + 1);
    for (index_t row = first; row < end; weights += row - first + 1, ++row) {
      const index_t seen = row - first + 1;
      const auto dy = row_array(a.dy, row);
      for (index_t j = 0; j < seen; ++j) {
        dscores(j) = dot_of_pieces(dy.data(), a.x.row(first + j), a.x.columns());
        row_array(dx, first + j) += weights[j] * dy;
      }
      if (a.softmax) {
        auto d = array(dscores.data, seen);
        const auto w = array(weights, seen);
        const S mean = dot_of_pieces<S>(dscores.data, weights, seen);
        d = w * (d - mean);
      }
      std::fill_n(dquery.data, units, S(0));
      for (index_t j = 0; j < seen; ++j) {
        const S d = dscores(j);
        const S *const q = of.queries.row(row), *const k = of.keys.row(first + j);
        S* const dk = dkeys.row(first + j);
        for (index_t i = 0; i < units; i += piece_size<S>) {
          const Piece<S> p = detail::squashed<S>(a.squash, detail::piece(q + i) + detail::piece(k + i));
          const Piece<S> g = d * detail::piece(of.weight.data + i) * detail::slope_of_squashed(a.squash, p);
          Eigen::Map<Piece<S>>(dquery.data + i) += g;
          Eigen::Map<Piece<S>>(dk + i) += g;
          Eigen::Map<Piece<S>>(dweight.data + i) += d * p;
        }
      }
      leave_row(a.dqueries, row, array(std::as_const(dquery).data, a.weight.size()));
    }
  }
  for (index_t row = 0; row < rows; ++row) {
    leave_row(a.dkeys, row, array(dkeys.row(row), a.weight.size()));
    leave_row(a.dx, row, row_array(dx, row));
  }
  if (a.dweight) array(a.dweight.data, a.weight.size()) += array(dweight.data, a.weight.size());
}

}  // namespace seqrec::cpu
