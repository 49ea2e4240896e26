// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/score_block.hpp"
#include "seqrec/ops/rank_of_target.hpp"

namespace seqrec::cpu {

template <class S, int W>
void rank_of_target(BasicContext<S, W>& context, const RankOfTarget<BasicContext<S, W>>& a) {
  const index_t rows = a.queries.rows(), items = a.head.items();
  const detail::ScoreBlock block = detail::score_block(rows, items);
  S* memory = context.vector(block.rows * block.items).data;
  for (index_t i = 0; i < rows; ++i) a.above(i) = a.ties(i) = 0;
  for (index_t start = 0; start < rows; start += block.rows)
    for (index_t first = 0; first < items; first += block.items) {
      const index_t count = std::min(block.items, items - first);
      const MatrixView<S, HostSpace> scores(memory, std::min(block.rows, rows - start), count);
      detail::score_items_in_block(a.head, a.queries.row_range(start, scores.rows()), first, count, scores);
      for (index_t i = 0; i < scores.rows(); ++i) {
        if (a.above(start + i) < 0) continue;  // some score of an earlier block was not a number
        const auto row = row_array(scores, i);
        const auto query = row_array(a.queries, start + i);
        const item_t target = a.targets(start + i);
        // A product adds up full and leftover panels in different orders, so equal items may differ in their last bits.
        // Whatever is that close to the target is scored again, in one order for all: then equal items tie.
        const auto exact = [&](index_t column) { return item_score(a.head, query, first + column); };
        const S score = item_score(a.head, query, target);
        const S squares = query.square().sum() * row_array(a.head.table, target).square().sum();
        const S rounding = detail::score_rounding(a.head.width(), squares, a.head.bias ? a.head.bias(target) : S(0));
        // One pass of multiplications finds what is not finite; only then it matters which of them are not numbers.
        if (std::isnan(score) || ((row * S(0)).sum() != S(0) && row.isNaN().any())) {
          a.above(start + i) = -1;
          a.ties(start + i) = 0;
          continue;
        }
        // "Not at most" instead of "above": scored again, even a finite score may be none, and then counts against the
        // target, never for it.
        const auto near = [&](index_t column) { return std::abs(row(column) - score) <= rounding; };
        const auto above = [&](index_t column) {
          return near(column) ? !(exact(column) <= score) : !(row(column) <= score);
        };
        const auto ties = [&](index_t column) { return near(column) ? exact(column) == score : row(column) == score; };
        index_t higher = count - (row <= score).count(), equal = (row == score).count();
        if (index_t left = ((row - score).abs() <= rounding).count(); left > 0)
          for (index_t column = 0; left > 0; ++column) {
            if (!near(column)) continue;
            higher += above(column) - !(row(column) <= score);
            equal += ties(column) - (row(column) == score);
            --left;
          }
        const auto leave_out = [&](index_t item) {
          const index_t column = item - first;
          if (column < 0 || column >= count) return;
          higher -= above(column);
          equal -= ties(column);
        };
        leave_out(target);  // it ties with itself
        if (a.exclusions)
          for (index_t e = a.exclusions.offsets(start + i); e < a.exclusions.offsets(start + i + 1); ++e)
            if (a.exclusions.values(e) != target) leave_out(a.exclusions.values(e));
        a.above(start + i) += static_cast<item_t>(higher);
        a.ties(start + i) += static_cast<item_t>(equal);
      }
    }
}

}  // namespace seqrec::cpu
