// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <limits>

#include "seqrec/core/tensor.hpp"
#include "seqrec/cpu/lanes.hpp"
#include "seqrec/ops/evaluate_row.hpp"

namespace seqrec::cpu {

/// As many columns of scores as there are lanes, for `evaluate_row`.
template <class Lanes>
struct ColumnsOfScores {
  typename Lanes::Scalar* data;
  index_t stride;

  SEQREC_HOST_DEVICE Lanes get(index_t j) const { return Lanes::load(data + j * stride); }
  SEQREC_HOST_DEVICE void set(index_t j, Lanes value) const { value.store(data + j * stride); }
};

/// Computes the row loss of every column of `scores` (S, rows), target first, and puts each score's derivative in its
/// place, both times `scale`. Rows of `scores` are a multiple of the lanes apart; what lies between is overwritten.
/// @tparam Width the context's   @param row room for one column   @param losses (rows) written
template <int Width, class S, class RowLoss>
void evaluate_rows(const RowLoss& row_loss, MatrixView<S, HostSpace> scores, double scale, [[maybe_unused]] S* row,
                   double* losses) {
  const index_t count = scores.rows(), rows = scores.columns();
  if constexpr (RowLossOverLanes<RowLoss>) {
    using Pack = Lanes<S, Width>;
    const Pack factor(scale);
    for (index_t first = 0; first < rows; first += Pack::count) {
      const ColumnsOfScores<Pack> columns{scores.data + first, scores.stride};
      const auto sum = evaluate_row<Pack>(row_loss, columns, count);
      for (index_t j = 0; j < count; ++j) columns.set(j, factor * columns.get(j));
      const index_t here = std::min(Pack::count, rows - first);
      for (index_t lane = 0; lane < here; ++lane) losses[first + lane] = scale * sum[lane];
    }
  } else {
    for (index_t i = 0; i < rows; ++i) {
      const auto in_play = [&](index_t j) { return j == 0 || !(scores(j, i) == -std::numeric_limits<S>::infinity()); };
      index_t seen = 0;
      for (index_t j = 0; j < count; ++j)
        if (in_play(j)) row[seen++] = scores(j, i);
      losses[i] = scale * row_loss(row, seen);
      seen = 0;
      for (index_t j = 0; j < count; ++j)
        scores(j, i) = in_play(j) ? static_cast<S>(scale * static_cast<double>(row[seen++])) : S(0);
    }
  }
}

}  // namespace seqrec::cpu
