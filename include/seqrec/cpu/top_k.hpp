// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <limits>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/gemm.hpp"
#include "seqrec/cpu/score_block.hpp"
#include "seqrec/ops/top_k.hpp"

namespace seqrec::cpu {

template <class S, int W>
void top_k(BasicContext<S, W>& context, const TopK<BasicContext<S, W>>& a) {
  constexpr S lowest = -std::numeric_limits<S>::infinity();
  const index_t rows = a.queries.rows(), items = a.table.rows(), wanted = a.items.columns();
  const index_t block = detail::score_block_rows(rows, items);
  S* memory = context.vector(block * items).data;
  for (index_t start = 0; start < rows; start += block) {
    const index_t count = std::min(block, rows - start);
    const MatrixView<S, HostSpace> scores(memory, count, items);
    gemm(a.queries.row_range(start, count), transposed(a.table), scores);
    for (index_t i = 0; i < count; ++i) {
      S* row = scores.row(i);
      if (a.exclusions)
        for (index_t e = a.exclusions.offsets(start + i); e < a.exclusions.offsets(start + i + 1); ++e)
          row[a.exclusions.values(e)] = lowest;
      // An insertion sort into the answer: few scores pass the worst kept one, so most items cost one comparison.
      item_t* best = a.items.row(start + i);
      S* best_score = a.scores.row(start + i);
      std::fill_n(best, wanted, item_t{-1});
      std::fill_n(best_score, wanted, lowest);
      for (index_t item = 0; item < items; ++item) {
        if (!(row[item] > best_score[wanted - 1])) continue;
        index_t place = wanted - 1;
        for (; place > 0 && row[item] > best_score[place - 1]; --place) {
          best[place] = best[place - 1];
          best_score[place] = best_score[place - 1];
        }
        best[place] = static_cast<item_t>(item);
        best_score[place] = row[item];
      }
    }
  }
}

}  // namespace seqrec::cpu
