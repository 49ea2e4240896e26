// SPDX-License-Identifier: Apache-2.0
// Gradients of a weight matrix and its bias, dweight (O, I) += dy' x and dbias (O) += the sum of dy's rows: products
// with few elements and very many terms, on tensor cores.
//
// Rows are cut into slices; a block of eight warps sums a slice's terms of 64 by 64 elements, and the bias's beside
// them, with the next rows on their way to shared memory by asynchronous copies; a second launch adds up the slices, in
// their order. The first half may share a launch with other work, of which its blocks are a part. Memory: dy and x once
// for every 64 inputs or outputs; a slice leaves O (I + 1) numbers, which are read once.
#pragma once

#include <algorithm>

#include "seqrec/cuda/product_precision.cuh"
#include "seqrec/cuda/row_product.cuh"
#include "seqrec/cuda/slice_sums.cuh"

namespace seqrec::cuda {

/// Blocks that fill the GPUs of today, two for each multiprocessor.
inline constexpr index_t gradient_blocks_wanted = 264;
/// Rows of a slice at least: so many that what it leaves is less than what it reads.
inline constexpr index_t fewest_rows_of_slice = 64;

/// How rows are cut.
struct GradientSlices {
  index_t count, rows_of_each;

  /// @param tiles  blocks that each slice has
  GradientSlices(index_t rows, index_t tiles) {
    const index_t wanted = std::max<index_t>(gradient_blocks_wanted / std::max<index_t>(tiles, 1), 1);
    const index_t each = std::max((rows + wanted - 1) / wanted, fewest_rows_of_slice);
    rows_of_each = (each + fewest_rows_of_slice - 1) / fewest_rows_of_slice * fewest_rows_of_slice;
    count = std::max<index_t>((rows + rows_of_each - 1) / rows_of_each, 1);
  }
};

/// The first half of the sum: what slices leave.
template <class S, class Mma>
class SlicedWeightGradient {
 public:
  using A = accumulator_of<S>;
  static constexpr int terms = sizeof(S) == sizeof(double) ? 16 : 32;
  static constexpr int stride = product_columns + 8, tile = terms * stride;
  /// Threads that share the terms of a bias's gradient.
  static constexpr int bias_parts = product_threads / product_rows;
  /// Two tiles of each operand.
  static constexpr std::size_t shared_bytes = static_cast<std::size_t>(4 * tile) * sizeof(S);

  SlicedWeightGradient(BasicContext<S>& context, MatrixView<const S, DeviceSpace> dy,
                       MatrixView<const S, DeviceSpace> x)
      : dy_(dy),
        x_(x),
        dy_alignment_(row_alignment(dy)),
        x_alignment_(row_alignment(x)),
        of_outputs_(blocks_for(dy.columns(), product_rows)),
        of_inputs_(blocks_for(x.columns(), product_columns)),
        slices_(dy.rows(), of_outputs_ * of_inputs_) {
    const index_t size = dy.columns() * x.columns() + dy.columns();
    if (dy.rows() == 0) return;
    of_slice_ = {context.template vector<A>(slices_.count * size).data, slices_.count, size};
  }

  /// None where there are no rows.
  index_t blocks() const { return of_slice_ ? slices_.count * of_outputs_ * of_inputs_ : 0; }
  /// (slices, O I + O) a slice's part of dweight, then of dbias; null where there are no rows
  MatrixView<const A, DeviceSpace> of_slice() const { return of_slice_; }

  /// The work of a block of product_threads.   @param shared  shared_bytes, at a multiple of 16
  __device__ void sum(index_t block, S* shared) const {
    const index_t slice = block % slices_.count, part = block / slices_.count;
    const index_t output = part % of_outputs_ * product_rows, input = part / of_outputs_ * product_columns;
    const index_t begin = slice * slices_.rows_of_each, next = begin + slices_.rows_of_each;
    const index_t end = next < dy_.rows() ? next : dy_.rows();
    const int thread = static_cast<int>(threadIdx.x), first_row = product_warp_row(), first = product_warp_column();
    const auto copy = [&](index_t row, int place) {
      if (row < end) {
        S* const tiles = shared + 2 * place * tile;
        copy_tile<terms, product_rows, stride, product_threads>(tiles, dy_, row, end, output, dy_alignment_);
        copy_tile<terms, product_columns, stride, product_threads>(tiles + tile, x_, row, end, input, x_alignment_);
      }
      commit_copies();
    };
    MmaSums<A> sums[product_tiles];
    A of_bias = 0;
    // A warp behind the last output or input leaves the tensor cores to others.
    const bool works = output + first_row < dy_.columns() && input + first < x_.columns();
    copy(begin, 0);
    int place = 0;
    for (index_t row = begin; row < end; row += terms, place = 1 - place) {
      copy(row + terms, 1 - place);
      wait_for_copies<1>();
      __syncthreads();
      const S *const left = shared + 2 * place * tile, *const right = left + tile;
      if (works) {
        MmaSums<A> some[product_tiles];  // few terms at a time: the hardware's sums are rounded towards zero
        SEQREC_CUDA_UNROLL
        for (int from = 0; from < terms; from += Mma::terms) {
          multiply_warp_tiles<Mma>(
              some, [&](int r, int term) { return left[(from + term) * stride + first_row + r]; },
              [&](int term, int c) { return right[(from + term) * stride + first + c]; });
        }
        for (int column = 0; column < product_tiles; ++column)
          for (int i = 0; i < 4; ++i) sums[column].values[i] += some[column].values[i];
      }
      if (input == 0)
        for (int term = 0; term < terms / bias_parts; ++term)
          of_bias += left[(thread / product_rows * (terms / bias_parts) + term) * stride + thread % product_rows];
      __syncthreads();  // before the next copies go there
    }
    const index_t outputs = dy_.columns(), inputs = x_.columns();
    A* const result = of_slice_.row(slice);
    for (int column = 0; column < product_tiles; ++column)
      for (int i = 0; i < 4; ++i) {
        const index_t o = output + first_row + MmaSums<A>::row(i);
        const index_t at = input + first + column * mma_columns + MmaSums<A>::column(i);
        if (o < outputs && at < inputs) result[o * inputs + at] = sums[column].values[i];
      }
    if (input != 0) return;
    A* const parts = reinterpret_cast<A*>(shared);
    parts[thread] = of_bias;
    __syncthreads();
    if (thread >= product_rows || output + thread >= outputs) return;
    for (int i = 1; i < bias_parts; ++i) of_bias += parts[i * product_rows + thread];
    result[outputs * inputs + output + thread] = of_bias;
  }

 private:
  MatrixView<const S, DeviceSpace> dy_, x_;
  int dy_alignment_, x_alignment_;
  index_t of_outputs_, of_inputs_;
  GradientSlices slices_;
  MatrixView<A, DeviceSpace> of_slice_;
};

template <class S, class Mma>
__global__ void __launch_bounds__(product_threads, product_blocks)
    weight_gradient_kernel(SlicedWeightGradient<S, Mma> gradient) {
  gradient.sum(blockIdx.x, dynamic_shared<S>());
}

/// Adds up what slices have left.
template <class A, class Master>
__global__ void add_weight_gradients_kernel(MatrixView<const A, DeviceSpace> of_slice,
                                            MatrixView<Master, DeviceSpace> dweight,
                                            VectorView<Master, DeviceSpace> dbias) {
  const index_t element = static_cast<index_t>(blockIdx.x) * warp_size + threadIdx.x;
  const A sum = sum_of_slices(of_slice, element);
  if (threadIdx.y != 0 || element >= of_slice.columns()) return;
  const index_t weights = dweight.size();
  if (element >= weights && !dbias) return;
  Master& target =
      element < weights ? dweight(element / dweight.columns(), element % dweight.columns()) : dbias(element - weights);
  target = static_cast<Master>(static_cast<A>(target) + sum);
}

/// The second half.   @param dweight (O, I) added to   @param dbias (O) added to, or null
template <class S>
void add_slices(BasicContext<S>& context, MatrixView<const accumulator_of<S>, DeviceSpace> of_slice,
                MatrixView<typename BasicContext<S>::Master, DeviceSpace> dweight,
                VectorView<typename BasicContext<S>::Master, DeviceSpace> dbias) {
  launch<add_weight_gradients_kernel<accumulator_of<S>, typename BasicContext<S>::Master>>(
      context, slice_sums_shape(of_slice.columns()), of_slice, dweight, dbias);
}

/// @param dy (N, O)   @param x (N, I)   @param dweight (O, I) added to   @param dbias (O) added to, or null
/// @param exact  in full precision, whatever products the context is told to take
template <class S>
void add_weight_gradient(BasicContext<S>& context, MatrixView<const S, DeviceSpace> dy,
                         MatrixView<const S, DeviceSpace> x,
                         MatrixView<typename BasicContext<S>::Master, DeviceSpace> dweight,
                         VectorView<typename BasicContext<S>::Master, DeviceSpace> dbias, bool exact = false) {
  if (dy.size() == 0) return;
  dispatch_products(context, exact, [&]<class Mma>() {
    using Gradient = SlicedWeightGradient<S, Mma>;
    const Gradient gradient(context, dy, x);
    launch<weight_gradient_kernel<S, Mma>>(
        context, {dim3(blocks_for(gradient.blocks(), 1)), dim3(product_threads), Gradient::shared_bytes}, gradient);
    add_slices(context, gradient.of_slice(), dweight, dbias);
  });
}

}  // namespace seqrec::cuda
