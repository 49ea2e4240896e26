// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/pieces.hpp"
#include "seqrec/ops/additive_attention.hpp"

// One pair after the other. The exponentials of a pair, as many as it has units, cost more than its sums over columns.

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

/// v . squash(q + k)
template <class S>
S additive_score(Squash squash, const S* q, const S* k, const S* v, index_t units) {
  Piece<S> sum = Piece<S>::Zero();
  for (index_t i = 0; i < units; i += piece_size<S>) {
    const index_t count = std::min(piece_size<S>, units - i);
    const Piece<S> x = load_piece(q + i, count) + load_piece(k + i, count);
    sum += load_piece(v + i, count) * squashed(squash, x);  // v is 0 behind the last unit
  }
  return sum.sum();
}

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
void additive_attention_forward(BasicContext<S, W>&, const AdditiveAttentionForward<BasicContext<S, W>>& a) {
  const index_t units = a.weight.size();
  S* weights = a.saved.data;
  for (index_t b = 0; b + 1 < a.offsets.size(); ++b) {
    const index_t first = a.offsets(b), end = a.offsets(b + 1);
    for (index_t row = first; row < end; weights += row - first + 1, ++row) {
      const index_t seen = row - first + 1;
      for (index_t j = 0; j < seen; ++j)
        weights[j] = detail::additive_score(a.squash, a.queries.row(row), a.keys.row(first + j), a.weight.data, units);
      if (a.softmax) detail::softmax_row(weights, seen);
      auto y = row_array(a.y, row);
      y.setZero();
      for (index_t j = 0; j < seen; ++j) y += weights[j] * row_array(a.x, first + j);
    }
  }
}

template <class S, int W>
void additive_attention_backward(BasicContext<S, W>& context, const AdditiveAttentionBackward<BasicContext<S, W>>& a) {
  const index_t units = a.weight.size(), rows = a.x.rows();
  index_t longest = 0;
  for (index_t b = 0; b + 1 < a.offsets.size(); ++b)
    longest = std::max<index_t>(longest, a.offsets(b + 1) - a.offsets(b));
  const auto dscores = context.vector(longest), dweight = context.vector(units);
  // What later rows owe to earlier ones is summed here, and left under the gradients' rules in the end.
  const auto dqueries = context.matrix(1, units), dkeys = context.matrix(rows, units),
             dx = context.matrix(rows, a.x.columns());
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
      auto dq = row_array(dqueries, 0);
      dq.setZero();
      for (index_t j = 0; j < seen; ++j) {
        const S d = dscores(j);
        const S *const q = a.queries.row(row), *const k = a.keys.row(first + j);
        S* const dk = dkeys.row(first + j);
        for (index_t i = 0; i < units; i += piece_size<S>) {
          const index_t count = std::min(piece_size<S>, units - i);
          const Piece<S> p = detail::squashed<S>(a.squash, load_piece(q + i, count) + load_piece(k + i, count));
          const Piece<S> g = d * load_piece(a.weight.data + i, count) * detail::slope_of_squashed(a.squash, p);
          store_piece<S>(load_piece<S>(dq.data() + i, count) + g, dq.data() + i, count);
          store_piece<S>(load_piece<S>(dk + i, count) + g, dk + i, count);
          store_piece<S>(load_piece<S>(dweight.data + i, count) + d * p, dweight.data + i, count);
        }
      }
      leave_row(a.dqueries, row, dq);
    }
  }
  for (index_t row = 0; row < rows; ++row) {
    leave_row(a.dkeys, row, row_array(dkeys, row));
    leave_row(a.dx, row, row_array(dx, row));
  }
  if (a.dweight) array(a.dweight.data, units) += array(dweight.data, units);
}

}  // namespace seqrec::cpu
