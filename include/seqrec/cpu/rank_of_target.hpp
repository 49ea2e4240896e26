// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/gemm.hpp"
#include "seqrec/cpu/score_block.hpp"
#include "seqrec/ops/rank_of_target.hpp"

namespace seqrec::cpu {

template <class S, int W>
void rank_of_target(BasicContext<S, W>& context, const RankOfTarget<BasicContext<S, W>>& a) {
  const index_t rows = a.queries.rows(), items = a.table.rows();
  const index_t block = detail::score_block_rows(rows, items);
  S* memory = context.vector(block * items).data;
  for (index_t start = 0; start < rows; start += block) {
    const index_t count = std::min(block, rows - start);
    const MatrixView<S, HostSpace> scores(memory, count, items);
    gemm(a.queries.row_range(start, count), transposed(a.table), scores);
    for (index_t i = 0; i < count; ++i) {
      const auto row = row_array(scores, i);
      const item_t target = a.targets(start + i);
      const S score = row(target);  // of the same product as the others, or equal scores would not be equal
      // "Not at most" instead of "above": a score that is not a number counts against the target, never for it.
      const auto above = [&](S other) { return !(other <= score); };
      index_t higher = items - (row <= score).count(), equal = (row == score).count();
      if (a.exclusions)
        for (index_t e = a.exclusions.offsets(start + i); e < a.exclusions.offsets(start + i + 1); ++e) {
          const item_t item = a.exclusions.values(e);
          if (item == target) continue;
          higher -= above(row(item));
          equal -= row(item) == score;
        }
      a.above(start + i) = static_cast<item_t>(higher - (score == score ? 0 : 1));
      a.ties(start + i) = static_cast<item_t>(equal - (score == score ? 1 : 0));
    }
  }
}

}  // namespace seqrec::cpu
