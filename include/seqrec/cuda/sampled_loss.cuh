// SPDX-License-Identifier: Apache-2.0
// A target against sampled items: scores, loss and its derivatives, without atomics.
//
// Where rows have items of their own alone, and few: a row's lanes make its scores, its loss and its gradients.
//
// Else scores lie transposed, (S + M, N), so that threads of neighbouring rows read neighbouring numbers. Own items:
// one warp per row and item. Shared ones: a cuBLAS product with the gathered vectors where all rows share one list; one
// warp per row and item where each segment has its own. Loss: one thread per row, which walks down its column of
// scores. Gradients: one warp per row (states) or per shared item (vectors), which walk in ascending order. Memory: one
// vector of the table per own item, twice with gradients; the scores three times.
#pragma once

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/gather_rows.cuh"
#include "seqrec/cuda/gemm.cuh"
#include "seqrec/cuda/reduce.cuh"
#include "seqrec/cuda/row_octets.cuh"
#include "seqrec/cuda/segments.cuh"
#include "seqrec/ops/evaluate_row.hpp"
#include "seqrec/ops/sampled_loss.hpp"

namespace seqrec::cuda {

/// Threads of a block where each has a row.
inline constexpr int loss_rows_per_block = 128;

/// What the kernels of a call have in common.
template <class S, class RowLoss>
struct SampledScores {
  using Context = BasicContext<S>;
  using Accumulator = accumulator_of<S>;

  SampledLoss<Context, RowLoss> a;
  matrix_of<Context> scores;  ///< (S + longest, N), then d loss / d score
  double correction;          ///< of scores by log-probabilities

  __device__ index_t own() const { return a.items.columns(); }
  __device__ bool in_segments() const { return static_cast<bool>(a.shared.item_offsets); }

  /// What every score of an item has beside the dot product.
  __device__ Accumulator offset(item_t item) const {
    Accumulator value = a.head.bias ? static_cast<Accumulator>(a.head.bias(item)) : Accumulator{0};
    if (correction != 0) value -= static_cast<Accumulator>(correction * static_cast<double>(a.log_probability(item)));
    return value;
  }
  /// h e + offset, in all lanes.
  __device__ Accumulator score(index_t row, item_t item) const {
    Accumulator dot = 0;
    for_columns_of_lane(a.states.columns(), [&](index_t column) {
      dot += static_cast<Accumulator>(a.states(row, column)) * static_cast<Accumulator>(a.head.table(item, column));
    });
    return warp_sum(dot) + offset(item);
  }
  __device__ S left_out() const { return -infinity<S>; }
};

template <class S, class RowLoss>
__global__ void own_scores_kernel(SampledScores<S, RowLoss> of) {
  const index_t entry = row_of_warp();
  if (entry >= of.a.items.size()) return;
  const index_t row = entry / of.own(), place = entry % of.own();
  const auto score = of.score(row, of.a.items(row, place));
  if (threadIdx.x == 0) of.scores(place, row) = static_cast<S>(score);
}

/// Where each segment has its own list.
template <class S, class RowLoss>
__global__ void segment_scores_kernel(SampledScores<S, RowLoss> of) {
  const index_t entry = row_of_warp(), rows = of.a.states.rows(), longest = of.scores.rows() - of.own();
  if (entry >= rows * longest) return;
  const index_t row = entry / longest, place = entry % longest;
  const index_t segment = segment_of(of.a.shared.row_offsets, row), first = of.a.shared.item_offsets(segment);
  S score = of.left_out();
  if (first + place < of.a.shared.item_offsets(segment + 1)) {
    const item_t item = of.a.shared.items(first + place);
    if (item != of.a.items(row, 0)) score = static_cast<S>(of.score(row, item));
  }
  if (threadIdx.x == 0) of.scores(of.own() + place, row) = score;
}

/// Where all rows share one list: the product is there already.
template <class S, class RowLoss>
__global__ void shared_scores_kernel(SampledScores<S, RowLoss> of) {
  const index_t place = row_of_warp();
  if (place >= of.a.shared.items.size()) return;
  const item_t item = of.a.shared.items(place);
  const auto offset = of.offset(item);
  for_columns_of_lane(of.a.states.rows(), [&](index_t row) {
    S& score = of.scores(of.own() + place, row);
    score = of.a.items(row, 0) == item ? of.left_out() : static_cast<S>(score + offset);
  });
}

/// @param one_row  (N, S + longest) room for row losses that take a row as it is; else null
template <class S, class RowLoss>
__global__ void row_losses_kernel(SampledScores<S, RowLoss> of, [[maybe_unused]] MatrixView<S, DeviceSpace> one_row) {
  const index_t row = static_cast<index_t>(blockIdx.x) * loss_rows_per_block + threadIdx.x;
  if (row >= of.a.states.rows()) return;
  const index_t count = of.scores.rows();
  const RowOfScores<S> column{&of.scores(0, row), of.scores.stride};
  const double scale = of.a.scale;
  if constexpr (RowLossOverLanes<RowLoss>) {
    of.a.losses(row) = scale * evaluate_row<S>(of.a.row_loss, column, count)[0];
    for (index_t j = 0; j < count; ++j) column.set(j, static_cast<S>(scale) * column.get(j));
  } else {
    const auto in_play = [&](index_t j) { return j == 0 || column.get(j) != of.left_out(); };
    S* const scores = one_row.row(row);
    index_t seen = 0;
    for (index_t j = 0; j < count; ++j)
      if (in_play(j)) scores[seen++] = column.get(j);
    of.a.losses(row) = scale * of.a.row_loss(scores, seen);
    seen = 0;
    for (index_t j = 0; j < count; ++j)
      column.set(j, in_play(j) ? static_cast<S>(scale * static_cast<double>(scores[seen++])) : S{0});
  }
}

/// coefficients, and what own items and, where segments have lists, theirs give to the states' gradients.
template <class S, class RowLoss>
__global__ void state_gradients_kernel(SampledScores<S, RowLoss> of) {
  using Accumulator = accumulator_of<S>;
  const index_t row = row_of_warp(), own = of.own();
  if (row >= of.a.states.rows()) return;
  if (of.a.coefficients)
    for_columns_of_lane(own, [&](index_t place) { of.a.coefficients(row * own + place) = of.scores(place, row); });
  if (!of.a.dstates) return;
  index_t first = 0, count = 0;
  if (of.in_segments()) {
    const index_t segment = segment_of(of.a.shared.row_offsets, row);
    first = of.a.shared.item_offsets(segment);
    count = of.a.shared.item_offsets(segment + 1) - first;
  }
  for_columns_of_lane(of.a.dstates.columns(), [&](index_t column) {
    Accumulator sum = 0;
    for (index_t place = 0; place < own; ++place)
      sum += static_cast<Accumulator>(of.scores(place, row)) * of.a.head.table(of.a.items(row, place), column);
    for (index_t place = 0; place < count; ++place)
      sum += static_cast<Accumulator>(of.scores(own + place, row)) *
             of.a.head.table(of.a.shared.items(first + place), column);
    of.a.dstates(row, column) = static_cast<S>(sum);
  });
}

/// dtable and dbias of shared items; dtable only where segments have lists, else it is a product.
template <class S, class RowLoss>
__global__ void shared_gradients_kernel(SampledScores<S, RowLoss> of) {
  using Accumulator = accumulator_of<S>;
  const index_t i = row_of_warp();
  if (i >= of.a.shared.items.size()) return;
  index_t first = 0, end = of.a.states.rows(), place = of.own() + i;
  if (of.in_segments()) {
    const index_t segment = segment_of(of.a.shared.item_offsets, i);
    place = of.own() + i - of.a.shared.item_offsets(segment);
    first = of.a.shared.row_offsets(segment);
    end = of.a.shared.row_offsets(segment + 1);
  }
  if (of.a.shared.dbias) {
    Accumulator sum = 0;
    for (index_t row = first + threadIdx.x; row < end; row += warp_size) sum += of.scores(place, row);
    sum = warp_sum(sum);
    if (threadIdx.x == 0) of.a.shared.dbias(i) = static_cast<S>(sum);
  }
  if (!of.a.shared.dtable || !of.in_segments()) return;
  for_columns_of_lane(of.a.states.columns(), [&](index_t column) {
    Accumulator sum = 0;
    for (index_t row = first; row < end; ++row)
      sum += static_cast<Accumulator>(of.scores(place, row)) * of.a.states(row, column);
    of.a.shared.dtable(i, column) = static_cast<S>(sum);
  });
}

/// Own items of a row at most that its lanes take from the first score to the gradients.
inline constexpr int few_own_items = 16;

/// Scores, loss, coefficients and the states' gradients of rows that have few items, all of them their own: eight
/// columns a lane, at most 256 together (row_octets.cuh).
template <class S, class RowLoss>
__global__ void few_items_kernel(SampledScores<S, RowLoss> of, int lanes, int alignment) {
  using Accumulator = accumulator_of<S>;
  __shared__ shared_array<S[static_cast<std::size_t>(few_own_items)], octet_threads> of_block;
  const OctetPlace at(lanes);
  const index_t row = at.first_row(), own = of.own(), column = at.column();
  const int count = row < of.a.states.rows() ? at.count(of.a.states.columns()) : 0;
  const auto item_of = [&](index_t place) { return row < of.a.states.rows() ? of.a.items(row, place) : item_t{0}; };
  const auto vector_of = [&](item_t item) {
    return Octet<S>::load(of.a.head.table.row(item) + column, count, alignment);
  };
  Octet<S> state;
  if (count > 0) state = Octet<S>::load(of.a.states.row(row) + column, count, alignment);
  S* const scores = &of_block[at.row_in_block()][0];
  for (index_t place = 0; place < own; ++place) {
    const item_t item = item_of(place);
    const Octet<S> vector = vector_of(item);
    Accumulator dot = 0;
    for (int i = 0; i < octet; ++i) dot += static_cast<Accumulator>(state[i]) * static_cast<Accumulator>(vector[i]);
    dot = at.sum(dot);
    if (at.lane == 0 && count > 0) scores[place] = static_cast<S>(dot + of.offset(item));
  }
  if (at.lane == 0 && count > 0) {
    const RowOfScores<S> as_row{scores, 1};
    of.a.losses(row) = of.a.scale * evaluate_row<S>(of.a.row_loss, as_row, own)[0];
    for (index_t place = 0; place < own; ++place) {
      scores[place] = static_cast<S>(of.a.scale) * scores[place];
      if (of.a.coefficients) of.a.coefficients(row * own + place) = scores[place];
    }
  }
  __syncwarp();
  if (!of.a.dstates || count == 0) return;
  Octet<S> gradient;
  for (index_t place = 0; place < own; ++place) {
    const Octet<S> vector = vector_of(item_of(place));
    for (int i = 0; i < octet; ++i) gradient[i] += scores[place] * vector[i];
  }
  gradient.store(of.a.dstates.row(row) + column, count, alignment);
}

template <class S, class RowLoss>
void sampled_loss(BasicContext<S>& context, const SampledLoss<BasicContext<S>, RowLoss>& a) {
  const index_t rows = a.states.rows(), own = a.items.columns(), shared = a.shared.items.size();
  const bool in_segments = static_cast<bool>(a.shared.item_offsets);
  const index_t count = own + (in_segments ? a.shared.longest : shared);
  double correction = 0;
  if constexpr (CorrectsSampling<RowLoss>)
    if (a.log_probability) correction = a.row_loss.sampling_correction();
  if constexpr (RowLossOverLanes<RowLoss>) {
    if (!in_segments && shared == 0 && own <= few_own_items && a.states.columns() <= widest_octet_row)
      return launch<few_items_kernel<S, RowLoss>>(
          context, octet_shape(rows, a.states.columns()), SampledScores<S, RowLoss>{a, {}, correction},
          octets_of_row(a.states.columns()), row_alignment(a.states, a.head.table, a.dstates));
  }
  const SampledScores<S, RowLoss> of{a, context.matrix(count, rows), correction};

  launch<own_scores_kernel<S, RowLoss>>(context, warp_per_row(rows * own), of);
  const MatrixView<S, DeviceSpace> of_shared = of.scores.row_range(own, count - own);
  MatrixView<S, DeviceSpace> vectors;
  if (in_segments) {
    launch<segment_scores_kernel<S, RowLoss>>(context, warp_per_row(rows * (count - own)), of);
  } else if (shared != 0) {
    vectors = context.matrix(shared, a.states.columns());
    gather_rows_forward(context, GatherRowsForward<BasicContext<S>>{a.head.table, a.shared.items, vectors});
    gemm(context, vectors, transposed(a.states), of_shared);
    launch<shared_scores_kernel<S, RowLoss>>(context, warp_per_row(shared), of);
  }

  MatrixView<S, DeviceSpace> one_row;
  if constexpr (!RowLossOverLanes<RowLoss>) one_row = context.matrix(rows, count);
  const LaunchShape thread_per_row{dim3(blocks_for(rows, loss_rows_per_block)), dim3(loss_rows_per_block)};
  launch<row_losses_kernel<S, RowLoss>>(context, thread_per_row, of, one_row);

  if (a.coefficients || a.dstates) launch<state_gradients_kernel<S, RowLoss>>(context, warp_per_row(rows), of);
  if (vectors && a.dstates) gemm(context, transposed(of_shared), vectors, a.dstates, GradientMode::add);
  if (vectors && a.shared.dtable) gemm(context, of_shared, a.states, a.shared.dtable);
  if (a.shared.dbias || (in_segments && a.shared.dtable))
    launch<shared_gradients_kernel<S, RowLoss>>(context, warp_per_row(shared), of);
}

}  // namespace seqrec::cuda
