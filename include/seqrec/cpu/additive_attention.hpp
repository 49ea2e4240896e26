// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <utility>

#include "seqrec/cpu/additive_scores.hpp"
#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/gemm.hpp"
#include "seqrec/cpu/pieces.hpp"
#include "seqrec/cpu/softmax.hpp"
#include "seqrec/ops/additive_attention.hpp"

// Pairs of rows are met by a query and four keys at a time (additive_scores.hpp); weights and rows, and the gradients
// of both, are products of blocks of rows, whose weights are zero beyond the diagonal.

namespace seqrec::cpu {

namespace detail {

/// Rows of weights that are multiplied together: whole register tiles, few enough to waste little of the triangle.
inline constexpr index_t additive_rows = 24;

/// Keys whose gradients are summed before the next ones are: they and those gradients stay in the first cache while all
/// later rows of a long history pass by.
inline constexpr index_t additive_keys = 32;

/// Rows of the longest history.
template <class Offsets>
index_t longest_of(const Offsets& offsets) {
  index_t longest = 0;
  for (index_t b = 0; b + 1 < offsets.size(); ++b) longest = std::max<index_t>(longest, offsets(b + 1) - offsets(b));
  return longest;
}

/// The rows of a history's triangle of weights, each up to its diagonal, one after the other.
template <class S>
S* triangle_row(S* triangle, index_t row) {
  return triangle + row * (row + 1) / 2;
}

/// Rows `start` and the next of a triangle as a matrix, zeros beyond the diagonal.
template <class S>
MatrixView<S, HostSpace> unfolded(const S* triangle, index_t start, index_t rows, S* memory) {
  const MatrixView<S, HostSpace> block(memory, rows, start + rows);
  for (index_t i = 0; i < rows; ++i) {
    const S* const from = triangle_row(triangle, start + i);
    std::fill(std::copy_n(from, start + i + 1, block.row(i)), block.row(i) + block.columns(), S(0));
  }
  return block;
}

/// Calls visit(first, count) for each run of at most `step` of the numbers from `first` to `end`.
template <class Visit>
EIGEN_ALWAYS_INLINE void for_each_run(index_t first, index_t end, index_t step, Visit visit) {
  for (; first < end; first += step) visit(first, std::min(step, end - first));
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
  using detail::additive_rows, detail::keys_at_once;
  const detail::AdditiveUnits<BasicContext<S, W>> units(context, a);
  S* const block_memory = context.vector(additive_rows * detail::longest_of(a.offsets)).data;
  S* triangle = a.saved.data;
  for (index_t b = 0; b + 1 < a.offsets.size(); ++b) {
    const index_t first = a.offsets(b), length = a.offsets(b + 1) - first;
    for (index_t row = 0; row < length; ++row) {
      const index_t seen = row + 1;
      S* const scores = detail::triangle_row(triangle, row);
      detail::for_each_run(0, seen, keys_at_once, [&](index_t j, index_t count) {
        units.meet(first + row, first + j, count, [&](const auto& squash) SEQREC_INLINE_LAMBDA {
          std::array<Piece<S>, keys_at_once> sums, squashed;
          sums.fill(Piece<S>::Zero());
          for (index_t unit = 0; unit < units.units(); unit += piece_size<S>) {
            squash(unit, squashed.data());
            for (std::size_t n = 0; n < sums.size(); ++n) sums[n] += units.weight(unit) * squashed[n];
          }
          if (count == keys_at_once) {
            detail::sums_of_four<S>(sums.data(), scores + j);
            return;
          }
          std::array<S, keys_at_once> some;
          detail::sums_of_four<S>(sums.data(), some.data());
          for (index_t n = 0; n < count; ++n) scores[j + n] = some[static_cast<std::size_t>(n)];
        });
      });
      if (a.softmax) softmax(scores, seen);
    }
    detail::for_each_run(0, length, additive_rows, [&](index_t start, index_t rows) {
      gemm(detail::unfolded(std::as_const(triangle), start, rows, block_memory), a.x.row_range(first, start + rows),
           a.y.row_range(first + start, rows));
    });
    triangle = detail::triangle_row(triangle, length);
  }
}

template <class S, int W>
void additive_attention_backward(BasicContext<S, W>& context, const AdditiveAttentionBackward<BasicContext<S, W>>& a) {
  using detail::additive_keys, detail::additive_rows, detail::keys_at_once, detail::piece;
  const detail::AdditiveUnits<BasicContext<S, W>> units(context, a);
  const index_t longest = detail::longest_of(a.offsets), rows_in_all = a.x.rows();
  S* const dtriangle = context.vector(longest * (longest + 1) / 2).data;
  S *const weights_memory = context.vector(additive_rows * longest).data, *const block_memory =
                                                                              context.vector(additive_rows * longest)
                                                                                  .data;
  // What later rows owe to earlier ones is summed here, and left under the gradients' rules in the end.
  const auto dqueries = context.matrix(rows_in_all, units.units()), dkeys = context.matrix(rows_in_all, units.units()),
             dweight = context.matrix(1, units.units()), dx = context.matrix(rows_in_all, a.x.columns());
  for (const auto& gradient : {dqueries, dkeys, dweight, dx}) std::fill_n(gradient.data, gradient.size(), S(0));
  S* const nowhere = context.vector(units.units()).data;  // the gradients of keys that a row does not see
  std::fill_n(nowhere, units.units(), S(0));

  const S* triangle = a.saved.data;
  for (index_t b = 0; b + 1 < a.offsets.size(); ++b) {
    const index_t first = a.offsets(b), length = a.offsets(b + 1) - first;
    detail::for_each_run(0, length, additive_rows, [&](index_t start, index_t rows) {
      const index_t seen = start + rows;
      const auto dy = a.dy.row_range(first + start, rows);
      gemm(transposed(detail::unfolded(triangle, start, rows, weights_memory)), dy, dx.row_range(first, seen),
           GradientMode::add);
      const MatrixView<S, HostSpace> block(block_memory, rows, seen);
      gemm(dy, transposed(a.x.row_range(first, seen)), block);
      for (index_t row = start; row < seen; ++row) {
        S* const scores = detail::triangle_row(dtriangle, row);
        std::copy_n(block.row(row - start), row + 1, scores);
        if (!a.softmax) continue;
        const auto weights = array(detail::triangle_row(triangle, row), row + 1);
        const S mean = dot_of_pieces<S>(scores, weights.data(), row + 1);
        array(scores, row + 1) = weights * (array(scores, row + 1) - mean);
      }
    });
    detail::for_each_run(0, length, additive_keys, [&](index_t key, index_t keys) {
      for (index_t row = key; row < length; ++row) {
        const S* const scores = detail::triangle_row(dtriangle, row);
        const index_t end = std::min(key + keys, row + 1);
        // Where only the last rows of histories have targets, most rows have nothing to give.
        if (std::all_of(scores + key, scores + end, [](S slope) { return slope == 0; })) continue;
        S* const dquery = dqueries.row(first + row);
        detail::for_each_run(key, end, keys_at_once, [&](index_t j, index_t count) {
          std::array<S, keys_at_once> of_score{};
          for (index_t n = 0; n < count; ++n) of_score[static_cast<std::size_t>(n)] = scores[j + n];
          const auto slopes = detail::four_rows(dkeys, first + j, count, nowhere);
          units.meet(first + row, first + j, count, [&](const auto& squash) SEQREC_INLINE_LAMBDA {
            std::array<Piece<S>, keys_at_once> squashed;
            for (index_t unit = 0; unit < units.units(); unit += piece_size<S>) {
              squash(unit, squashed.data());
              const Piece<S> weight = units.weight(unit);
              Piece<S> of_query = piece(dquery + unit), of_weight = piece(dweight.data + unit);
              for (std::size_t n = 0; n < squashed.size(); ++n) {
                const Piece<S> slope = of_score[n] * weight * detail::slope_of_squashed(a.squash, squashed[n]);
                of_query += slope;
                piece(slopes[n] + unit) += slope;
                of_weight += of_score[n] * squashed[n];
              }
              piece(dquery + unit) = of_query;
              piece(dweight.data + unit) = of_weight;
            }
          });
        });
      }
    });
    triangle = detail::triangle_row(triangle, length);
  }
  const auto leave = [&](const Gradient<BasicContext<S, W>>& gradient, const MatrixView<S, HostSpace>& sum) {
    for (index_t row = 0; gradient && row < rows_in_all; ++row)
      leave_row(gradient, row, array(static_cast<const S*>(sum.row(row)), gradient.view.columns()));
  };
  leave(a.dqueries, dqueries);
  leave(a.dkeys, dkeys);
  leave(a.dx, dx);
  if (a.dweight) array(a.dweight.data, a.weight.size()) += array(static_cast<const S*>(dweight.data), a.weight.size());
}

}  // namespace seqrec::cpu
