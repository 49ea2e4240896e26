// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/gemm.hpp"
#include "seqrec/cpu/score_block.hpp"
#include "seqrec/ops/catalogue_loss.hpp"

namespace seqrec::cpu {

template <class S, int W>
void catalogue_loss(BasicContext<S, W>& context, const CatalogueLoss<BasicContext<S, W>>& a) {
  const index_t rows = a.states.rows(), items = a.table.rows();
  const index_t block = detail::score_block_rows(rows, items);
  S* memory = context.vector(block * items).data;
  for (index_t start = 0; start < rows; start += block) {
    const index_t count = std::min(block, rows - start);
    const auto states = a.states.row_range(start, count);
    const MatrixView<S, HostSpace> scores(memory, count, items);
    gemm(states, transposed(a.table), scores);
    for (index_t i = 0; i < count; ++i) {
      const index_t target = a.targets(start + i, 0);
      auto row = row_array(scores, i);
      const S target_score = scores(i, target), highest = row.maxCoeff();
      row = (row - highest).exp();
      const S sum = row.sum();
      a.losses(start + i) =
          a.scale * (static_cast<double>(highest - target_score) + std::log(static_cast<double>(sum)));
      if (!a.dstates) continue;
      row *= static_cast<S>(a.scale / static_cast<double>(sum));
      scores(i, target) -= static_cast<S>(a.scale);
    }
    if (!a.dstates) continue;
    gemm(MatrixView<const S, HostSpace>(scores), a.table, a.dstates.row_range(start, count));
    gemm(transposed(scores), states, a.dtable, GradientMode::add);
  }
}

}  // namespace seqrec::cpu
