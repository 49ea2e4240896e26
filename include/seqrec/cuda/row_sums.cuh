// SPDX-License-Identifier: Apache-2.0
// Sums of the rows that a step has left for a table's gradient, along the indices of the lists that name them.
//
// One warp per row that any list names, eight columns a lane, so that a row 64 wide has four entries on the way side by
// side. The warp looks the row up in each list and walks through its entries there; those of a row that very many name
// (a popular item) are dealt among the warps of the block. The order of additions depends on how many entries there are
// alone, so the sum is the same in every run. Memory: reads each entry's source row once and writes each sum once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "seqrec/core/fixed_list.hpp"
#include "seqrec/core/jagged.hpp"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/row_octets.cuh"

namespace seqrec::cuda {

/// How many of the ascending `rows` from `low` to `high` are below `row`, and `low`; found by several lanes of a warp
/// together: each round looks at as many of them as there are lanes. All lanes of the warp take part, each group of
/// them for a row of its own.
/// @param low, high  the answer lies between them   @param lanes  of a group, a power of two
__device__ inline int rows_below(VectorView<const item_t, DeviceSpace> rows, index_t row, int low, int high,
                                 int lanes) {
  const int lane = static_cast<int>(threadIdx.x) % lanes, first_of_group = static_cast<int>(threadIdx.x) - lane;
  const int log_lanes = __popc(static_cast<unsigned>(lanes) - 1);  // to divide by them
  const unsigned group = (lanes == warp_size ? all_lanes : (1u << lanes) - 1) << first_of_group;
  while (__any_sync(all_lanes, low < high ? 1 : 0) != 0) {
    // The lanes' places cut what is left into as many parts, of which the last is before `high`.
    const auto looked_at = [&](int of) {
      return low + static_cast<int>(((static_cast<std::int64_t>(high) - low) * of) >> log_lanes);
    };
    const int mine = looked_at(lane);
    const unsigned below = __ballot_sync(all_lanes, low < high && rows(mine) < row ? 1 : 0) & group;
    if (low >= high) continue;
    const int count = __popc(below);  // of the lanes, the first ones
    const int new_low = count == 0 ? low : looked_at(count - 1) + 1;
    if (count < lanes) high = looked_at(count);
    low = new_low;
  }
  return low;
}

/// How many of the rows that some name, out of `all`, can lie before the i-th of all: i at most, and all of those but
/// what they lack.
struct PlacesBefore {
  int fewest, most;

  __device__ PlacesBefore(index_t i, index_t some, index_t all)
      : fewest(static_cast<int>(i > all - some ? i - (all - some) : 0)), most(static_cast<int>(i < some ? i : some)) {
    if (most < fewest) most = fewest;
  }
};

/// Which of the ascending `rows`, a part of `many` ascending ones, is `row`, of the many the i-th; -1 where none is.
/// All lanes of the warp take part, as for rows_below.
__device__ inline index_t place_among(VectorView<const item_t, DeviceSpace> rows, index_t row, index_t i, index_t many,
                                      int lanes) {
  const PlacesBefore before(i, rows.size(), many);
  const index_t place = rows_below(rows, row, before.fewest, before.most, lanes);
  return place < rows.size() && rows(place) == row ? place : -1;
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

/// Entries that a lane reads before it adds the first, so that it waits once for all of them.
inline constexpr int entries_at_once = 2;
/// Entries of a row in a list that a warp sums alone; more are dealt among the warps of its block.
inline constexpr index_t entries_of_warp = 256;

/// The entries of a row in a list, as places of its order.
struct EntriesOfRow {
  offset_t first = 0, end = 0;
};

/// A lane's part of the sum of every `stride`-th of some entries, in eight columns.
/// @param column, count  of the lane   @param first  the lane's first entry
template <class S>
__device__ void add_entries(Octet<accumulator_of<S>>& sum, const RowSummand<S>& list, const EntriesOfRow& entries,
                            index_t first, index_t stride, index_t column, int count, int alignment) {
  using Accumulator = accumulator_of<S>;
  const bool ordered = static_cast<bool>(list.index.order), single = list.entries_per_row == 1;
  for (index_t e = entries.first + first; count > 0 && e < entries.end; e += stride * entries_at_once) {
    Octet<S> values[entries_at_once];
    Accumulator coefficients[entries_at_once];
    for (int j = 0; j < entries_at_once; ++j) {
      const index_t at = e + j * stride;
      coefficients[j] = 0;
      if (at >= entries.end) continue;
      const index_t entry = ordered ? static_cast<index_t>(list.index.order(at)) : at;
      coefficients[j] = list.coefficients ? static_cast<Accumulator>(list.coefficients(entry)) : Accumulator{1};
      const index_t row = single ? entry : entry / list.entries_per_row;
      values[j] = Octet<S>::load(list.source.row(row) + column, count, alignment);
    }
    for (int j = 0; j < entries_at_once; ++j)
      for (int i = 0; i < octet; ++i) sum[i] += coefficients[j] * static_cast<Accumulator>(values[j][i]);
  }
}

/// @param adds  to the sums; else they are written, and each row has a summand
template <class S>
__global__ void __launch_bounds__(warp_size* rows_per_block, 3)
    sum_rows_kernel(RowSummands<S> summands, VectorView<const item_t, DeviceSpace> rows,
                    MatrixView<S, DeviceSpace> sums, bool adds, int lanes, int alignment) {
  using Accumulator = accumulator_of<S>;
  using Sum = Octet<Accumulator>;
  __shared__ shared_array<EntriesOfRow[static_cast<std::size_t>(most_summands)], rows_per_block> of_block;
  __shared__ shared_array<Accumulator[static_cast<std::size_t>(widest_octet_row)], rows_per_block> parts;
  const index_t i = row_of_warp();
  const int warp = static_cast<int>(threadIdx.y), lane = static_cast<int>(threadIdx.x) % lanes;
  const index_t group = static_cast<int>(threadIdx.x) / lanes, groups = warp_size / lanes;
  bool some_are_many = false;  // entries of a row of the block
  {
    // As many lanes for each list as there are.
    int lists = 1;
    while (lists < summands.size()) lists *= 2;
    const int of_list = warp_size / lists, number = static_cast<int>(threadIdx.x) / of_list;
    const bool exists = number < summands.size() && i < rows.size();
    const RowSummand<S>& list = summands[number < summands.size() ? number : 0];
    const index_t place = place_among(exists ? list.index.rows : list.index.rows.row_range(0, 0), exists ? rows(i) : 0,
                                      i, rows.size(), of_list);
    EntriesOfRow entries;
    if (place >= 0 && list.index.order)
      entries = {list.index.row_offsets(place), list.index.row_offsets(place + 1)};
    else if (place >= 0)
      entries = {static_cast<offset_t>(place), static_cast<offset_t>(place + 1)};
    if (number < summands.size() && static_cast<int>(threadIdx.x) % of_list == 0) of_block[warp][number] = entries;
    some_are_many = __syncthreads_or(entries.end - entries.first > entries_of_warp ? 1 : 0) != 0;
  }
  // Adds up what the groups of a warp have.
  const auto whole = [&](Sum& sum) {
    for (int distance = lanes; distance < warp_size; distance *= 2)
      for (int k = 0; k < octet; ++k) sum[k] += __shfl_xor_sync(all_lanes, sum[k], distance);
  };
  for (index_t first_column = 0; first_column < sums.columns(); first_column += octet * lanes) {
    const index_t column = first_column + octet * lane, left = sums.columns() - column;
    const int count = left < octet ? static_cast<int>(left < 0 ? 0 : left) : octet;
    Sum sum;
    for (index_t number = 0; number < summands.size(); ++number) {
      const EntriesOfRow entries = of_block[warp][number];
      if (entries.end - entries.first <= entries_of_warp)
        add_entries(sum, summands[number], entries, group, groups, column, count, alignment);
    }
    whole(sum);
    for (int row = 0; some_are_many && row < rows_per_block; ++row)
      for (index_t number = 0; number < summands.size(); ++number) {
        const EntriesOfRow entries = of_block[row][number];
        if (entries.end - entries.first <= entries_of_warp) continue;
        Sum part;
        add_entries(part, summands[number], entries, group + groups * warp, groups * rows_per_block, column, count,
                    alignment);
        whole(part);
        if (group == 0)
          for (int k = 0; k < octet; ++k) parts[warp][octet * lane + k] = part[k];
        __syncthreads();
        for (int other = 0; warp == row && other < rows_per_block; ++other)
          for (int k = 0; k < octet; ++k) sum[k] += parts[other][octet * lane + k];
        __syncthreads();
      }
    if (i >= rows.size() || group != 0 || count == 0) continue;
    Octet<S> result;
    if (adds) result = Octet<S>::load(sums.row(i) + column, count, alignment);
    for (int k = 0; k < octet; ++k) result[k] = static_cast<S>(static_cast<Accumulator>(result[k]) + sum[k]);
    result.store(sums.row(i) + column, count, alignment);
  }
}

/// sums (R, D) (+)= what the summands add to rows (R).
template <class S>
void sum_rows(const BasicContext<S>& context, const RowSummands<S>& summands,
              VectorView<const item_t, DeviceSpace> rows, MatrixView<S, DeviceSpace> sums, bool adds) {
  int alignment = row_alignment(sums);
  for (const RowSummand<S>& list : summands) alignment = std::min(alignment, row_alignment(list.source));
  launch<sum_rows_kernel<S>>(context, warp_per_row(rows.size()), summands, rows, sums, adds,
                             octets_of_row(sums.columns()), alignment);
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
