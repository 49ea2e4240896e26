// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/gemm.hpp"
#include "seqrec/cpu/score_block.hpp"
#include "seqrec/ops/rank_of_target.hpp"

namespace seqrec::cpu {

template <class S, int W>
void rank_of_target(BasicContext<S, W>& context, const RankOfTarget<BasicContext<S, W>>& a) {
  const index_t rows = a.queries.rows(), items = a.table.rows(), width = a.table.columns();
  const index_t block = detail::score_block_rows(rows, items);
  S* memory = context.vector(block * items).data;
  for (index_t start = 0; start < rows; start += block) {
    const index_t count = std::min(block, rows - start);
    const MatrixView<S, HostSpace> scores(memory, count, items);
    gemm(a.queries.row_range(start, count), transposed(a.table), scores);
    for (index_t i = 0; i < count; ++i) {
      const auto row = row_array(scores, i);
      const auto query = row_array(a.queries, start + i);
      const item_t target = a.targets(start + i);
      const S score = row(target);
      // A product adds up full and leftover panels in different orders, so equal items may differ in their last bits.
      // Whatever is that close to the target is scored again, in one order for all: then equal items tie.
      const auto dot = [&](index_t item) { return (query * row_array(a.table, item)).sum(); };
      const S exact = dot(target);
      const S rounding = S(2) * static_cast<S>(width) * std::numeric_limits<S>::epsilon() *
                         std::sqrt(query.square().sum() * row_array(a.table, target).square().sum());
      // "Not at most" instead of "above": a score that is not a number counts against the target, never for it.
      const auto above = [&](index_t item) {
        return std::abs(row(item) - score) <= rounding ? !(dot(item) <= exact) : !(row(item) <= score);
      };
      const auto ties = [&](index_t item) {
        return std::abs(row(item) - score) <= rounding ? dot(item) == exact : row(item) == score;
      };
      const auto near = (row - score).abs() <= rounding;
      index_t higher = items - (row <= score).count(), equal = (row == score).count();
      if (index_t left = near.count(); left > 0)
        for (index_t item = 0; left > 0; ++item) {
          if (!(std::abs(row(item) - score) <= rounding)) continue;
          higher += above(item) - !(row(item) <= score);
          equal += ties(item) - (row(item) == score);
          --left;
        }
      if (a.exclusions)
        for (index_t e = a.exclusions.offsets(start + i); e < a.exclusions.offsets(start + i + 1); ++e) {
          const item_t item = a.exclusions.values(e);
          if (item == target) continue;
          higher -= above(item);
          equal -= ties(item);
        }
      // The target itself is among them: it ties, unless its score is not a number.
      a.above(start + i) = static_cast<item_t>(higher - above(target));
      a.ties(start + i) = static_cast<item_t>(equal - ties(target));
    }
  }
}

}  // namespace seqrec::cpu
