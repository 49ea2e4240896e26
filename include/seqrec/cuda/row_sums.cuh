// SPDX-License-Identifier: Apache-2.0
// Sums of the rows that a step has left for a table's gradient, along the indices of the lists that name them.
//
// One warp per row that any list names, one lane a column. The warp looks the row up in each list and walks through its
// entries there: list by list, by position within a list, so the sum is the same in every run. Memory: reads each
// entry's source row once and writes each sum once for every list that names its row. A row that very many entries name
// (a popular item) is the longest warp.
#pragma once

#include "seqrec/core/fixed_list.hpp"
#include "seqrec/core/jagged.hpp"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/rows.cuh"

namespace seqrec::cuda {

/// Which of the ascending `rows` is `row`; -1 where none is.
__device__ inline index_t place_among(VectorView<const item_t, DeviceSpace> rows, index_t row) {
  index_t low = 0, high = rows.size();  // it is not before low, nor at or behind high
  while (low < high) {
    const index_t middle = (low + high) / 2;
    if (rows(middle) < row)
      low = middle + 1;
    else
      high = middle;
  }
  return low < rows.size() && rows(low) == row ? low : -1;
}

/// What is added to rows of a table: row e of the list gets c_e source[e / entries_per_row]; without `order`, row i of
/// the index gets source[i].
template <class S>
struct RowSummand {
  MatrixView<const S, DeviceSpace> source;        ///< (N, D)
  RowIndex<DeviceSpace> index;                    ///< of the N entries_per_row entries
  VectorView<const S, DeviceSpace> coefficients;  ///< of the entries, or null for ones
  index_t entries_per_row = 1;
};

/// Summands of one launch: more than the lists that any layer or objective has for a table.
inline constexpr int most_summands = 8;

template <class S>
using RowSummands = FixedList<RowSummand<S>, most_summands>;

/// Entries of a row that a warp reads before it adds the first, so that it waits once for all of them.
inline constexpr int entries_at_once = 8;

/// @param adds  to the sums; else they are written, and each row has a summand
template <class S>
__global__ void sum_rows_kernel(RowSummands<S> summands, VectorView<const item_t, DeviceSpace> rows,
                                MatrixView<S, DeviceSpace> sums, bool adds) {
  using Accumulator = accumulator_of<S>;
  const index_t i = row_of_warp();
  if (i >= rows.size()) return;
  for (index_t number = 0; number < summands.size(); ++number) {
    const RowSummand<S>& list = summands[number];
    const index_t place = place_among(list.index.rows, rows(i));
    if (place < 0) continue;
    const bool ordered = static_cast<bool>(list.index.order);
    const index_t first = ordered ? list.index.row_offsets(place) : place;
    const index_t end = ordered ? list.index.row_offsets(place + 1) : place + 1;
    const auto entry_at = [&](index_t e) { return ordered ? static_cast<index_t>(list.index.order(e)) : e; };
    for_columns_of_lane(sums.columns(), [&](index_t column) {
      Accumulator sum = adds ? static_cast<Accumulator>(sums(i, column)) : Accumulator{0};
      for (index_t e = first; e < end; e += entries_at_once) {
        Accumulator values[entries_at_once];
        for (int j = 0; j < entries_at_once; ++j) {
          const index_t entry = entry_at(e + j < end ? e + j : e);
          const Accumulator value = list.source(entry / list.entries_per_row, column);
          values[j] = list.coefficients ? static_cast<Accumulator>(list.coefficients(entry)) * value : value;
        }
        for (int j = 0; j < entries_at_once; ++j)
          if (e + j < end) sum += values[j];
      }
      sums(i, column) = static_cast<S>(sum);
    });
    adds = true;
  }
}

/// sums (R, D) (+)= what the summands add to rows (R).
template <class S>
void sum_rows(const BasicContext<S>& context, const RowSummands<S>& summands,
              VectorView<const item_t, DeviceSpace> rows, MatrixView<S, DeviceSpace> sums, bool adds) {
  launch<sum_rows_kernel<S>>(context, warp_per_row(rows.size()), summands, rows, sums, adds);
}

/// table(rows(i)) += sums(i).
template <class S>
__global__ void add_sums_kernel(VectorView<const item_t, DeviceSpace> rows, MatrixView<const S, DeviceSpace> sums,
                                MatrixView<S, DeviceSpace> table) {
  const index_t i = row_of_warp();
  if (i >= rows.size()) return;
  for_columns_of_lane(sums.columns(), [&](index_t column) { table(rows(i), column) += sums(i, column); });
}

template <class S>
void add_sums(const BasicContext<S>& context, VectorView<const item_t, DeviceSpace> rows,
              MatrixView<const S, DeviceSpace> sums, MatrixView<S, DeviceSpace> table) {
  launch<add_sums_kernel<S>>(context, warp_per_row(rows.size()), rows, sums, table);
}

}  // namespace seqrec::cuda
