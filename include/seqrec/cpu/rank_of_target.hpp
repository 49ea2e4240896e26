// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/score_block.hpp"
#include "seqrec/ops/rank_of_target.hpp"

namespace seqrec::cpu {

namespace detail {

/// How many scores are above a given one, equal to it, or not numbers.
struct ScoreCounts {
  std::int32_t above = 0, equal = 0, not_numbers = 0;
};

template <class S>
ScoreCounts count_scores(const S* scores, index_t count, S given) {
  ScoreCounts found;
  for (index_t i = 0; i < count; ++i) {
    found.above += scores[i] > given ? 1 : 0;
    found.equal += scores[i] == given ? 1 : 0;
    found.not_numbers += std::isnan(scores[i]) ? 1 : 0;
  }
  return found;
}

}  // namespace detail

template <class S, int W>
void rank_of_target(BasicContext<S, W>& context, const RankOfTarget<BasicContext<S, W>>& a) {
  const index_t rows = a.queries.rows(), items = a.head.items();
  const detail::ScoreBlock block = detail::score_block(rows, items);
  const ItemHead<BasicContext<S, W>> head = detail::exact_head(context, a.head);
  S* memory = context.vector(block.rows * block.items).data;
  const VectorView<S, HostSpace> of_targets = context.vector(rows);
  for (index_t i = 0; i < rows; ++i) {
    of_targets(i) = detail::score_item(head, a.queries, i, a.targets(i));
    a.above(i) = std::isnan(of_targets(i)) ? -1 : 0;
    a.ties(i) = 0;
  }
  for (index_t start = 0; start < rows; start += block.rows)
    for (index_t first = 0; first < items; first += block.items) {
      const index_t count = std::min(block.items, items - first);
      const MatrixView<S, HostSpace> scores(memory, std::min(block.rows, rows - start), count);
      detail::score_items_in_block(head, a.queries.row_range(start, scores.rows()), first, count, scores);
      for (index_t i = start; i < start + scores.rows(); ++i) {
        if (a.above(i) < 0) continue;  // a score that we have met was not a number
        const S* const row = scores.row(i - start);
        const S of_target = of_targets(i);
        detail::ScoreCounts found = detail::count_scores(row, count, of_target);
        if (found.not_numbers != 0) {
          a.above(i) = -1;
          a.ties(i) = 0;
          continue;
        }
        const auto leave_out = [&](index_t item) {
          const index_t column = item - first;
          if (column < 0 || column >= count) return;
          found.above -= row[column] > of_target ? 1 : 0;
          found.equal -= row[column] == of_target ? 1 : 0;
        };
        leave_out(a.targets(i));  // it ties with itself
        if (a.exclusions)
          for (index_t e = a.exclusions.offsets(i); e < a.exclusions.offsets(i + 1); ++e)
            if (a.exclusions.values(e) != a.targets(i)) leave_out(a.exclusions.values(e));
        a.above(i) += found.above;
        a.ties(i) += found.equal;
      }
    }
}

}  // namespace seqrec::cpu
