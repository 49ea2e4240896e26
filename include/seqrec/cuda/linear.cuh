// SPDX-License-Identifier: Apache-2.0
// y = dropout(activation(x weight' + bias)) and its gradients: products on tensor cores, whose results are finished in
// registers.
//
// Memory: forward reads x and writes y once (row_product.cuh); backward, where there is an activation or dropout, reads
// and writes dy once, then reads it with x for the weights and once more for dx.
#pragma once

#include <algorithm>
#include <cstddef>

#include "seqrec/cuda/activation.cuh"
#include "seqrec/cuda/column_sums.cuh"
#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/dropout.cuh"
#include "seqrec/cuda/gradient.cuh"
#include "seqrec/cuda/product_precision.cuh"
#include "seqrec/cuda/row_product.cuh"
#include "seqrec/cuda/rows.cuh"
#include "seqrec/cuda/weight_gradient.cuh"
#include "seqrec/ops/linear.hpp"

namespace seqrec::cuda {

template <class S, class Mma>
__global__ void __launch_bounds__(product_threads, product_blocks)
    linear_kernel(typename RowProduct<S, Mma, RightRows::columns>::Operands operands, ProductBlocks blocks,
                  LinearForward<BasicContext<S>> a, DropoutFactors<S> factors, bool in_pairs) {
  using Product = RowProduct<S, Mma, RightRows::columns>;
  const index_t first_row = blocks.row(blockIdx.x), first_column = blocks.column(blockIdx.x);
  Product product;
  product.multiply(operands, first_row, first_column, dynamic_shared<S>());
  const int columns_left = product_columns_of(a.y.columns() - first_column);
  product.for_pairs([&](auto* sums, int, int tile) {
    for (int i = 0; i < 2; ++i)
      if (const int column = Product::column_in_block(tile) + i; a.bias && column < columns_left)
        sums[i] += a.bias(first_column + column);
  });
  const auto activate = [&](auto function) {
    product.for_pairs([&](auto* sums, int, int) {
      for (int i = 0; i < 2; ++i) sums[i] = function(static_cast<S>(sums[i]));
    });
  };
  if (a.activation == Activation::relu)
    activate([](S x) { return activated(Activation::relu, x); });
  else if (a.activation == Activation::sigmoid)
    activate([](S x) { return activated(Activation::sigmoid, x); });
  else if (a.activation == Activation::tanh)
    activate([](S x) { return activated(Activation::tanh, x); });
  unsigned kept[2];  // of both rows of the lane, its warp's columns
  for (int half = 0; half < 2; ++half)
    kept[half] = factors.kept_of_32(first_row + Product::row_in_block(half),
                                    (first_column + product_warp_column()) / product_warp_columns,
                                    static_cast<unsigned>(mma_member()));
  product.for_pairs([&](const auto* sums, int half, int tile) {
    const index_t row = first_row + Product::row_in_block(half);
    const int column = Product::column_in_block(tile);
    const unsigned here = kept[half] >> (tile * mma_columns + 2 * mma_member());
    if (row >= a.y.rows()) return;
    store_pair(a.y.row(row) + first_column + column,
               {static_cast<S>(sums[0]) * factors.of((here & 1u) != 0),
                static_cast<S>(sums[1]) * factors.of((here & 2u) != 0)},
               columns_left - column, in_pairs);
  });
}

template <class S>
void linear_forward(BasicContext<S>& context, const LinearForward<BasicContext<S>>& a) {
  const ProductBlocks blocks(a.y.rows(), a.y.columns());
  dispatch_products(context, a.exact, [&]<class Mma>() {
    using Product = RowProduct<S, Mma, RightRows::columns>;
    launch<linear_kernel<S, Mma>>(
        context, {dim3(blocks_for(blocks.count(), 1)), dim3(product_threads), Product::shared_bytes},
        typename Product::Operands(a.x, a.weight), blocks, a, DropoutFactors<S>(a.dropout), is_in_pairs(a.y));
  });
}

/// dx = dy weight, written or added, and what slices leave of the weight's gradient: they do not need each other.
template <class S, class Mma>
struct LinearGradients {
  using Product = RowProduct<S, Mma, RightRows::terms>;
  using Weights = SlicedWeightGradient<S, Mma>;
  static constexpr std::size_t shared_bytes = std::max(Product::shared_bytes, Weights::shared_bytes);

  typename Product::Operands operands;
  Gradient<BasicContext<S>> dx;
  bool in_pairs;  ///< of dx
  ProductBlocks blocks;
  Weights weights;

  __device__ void make_inputs(unsigned block, S* shared) const {
    const index_t first_row = blocks.row(block), first_column = blocks.column(block);
    Product product;
    product.multiply(operands, first_row, first_column, shared);
    const int columns_left = product_columns_of(dx.view.columns() - first_column);
    product.for_pairs([&](const auto* sums, int half, int tile) {
      const index_t row = first_row + Product::row_in_block(half);
      const int column = Product::column_in_block(tile);
      if (row >= dx.view.rows()) return;
      S* const place = dx.view.row(row) + first_column + column;
      Pair<S> pair{static_cast<S>(sums[0]), static_cast<S>(sums[1])};
      if (dx.adds()) {
        const Pair<S> before = load_pair(place, columns_left - column, in_pairs);
        for (int i = 0; i < 2; ++i) pair.values[i] += before.values[i];
      }
      store_pair(place, pair, columns_left - column, in_pairs);
    });
  }
};

template <class S, class Mma>
__global__ void __launch_bounds__(product_threads, product_blocks)
    linear_gradients_kernel(LinearGradients<S, Mma> gradients) {
  const index_t of_inputs = gradients.blocks.count();
  if (blockIdx.x < of_inputs)
    gradients.make_inputs(blockIdx.x, dynamic_shared<S>());
  else
    gradients.weights.sum(blockIdx.x - of_inputs, dynamic_shared<S>());
}

/// Takes dy back through dropout and activation, in place.
template <class S>
__global__ void linear_epilogue_backward_kernel(LinearBackward<BasicContext<S>> a, DropoutFactors<S> factors) {
  const index_t row = row_of_warp();
  if (row >= a.dy.rows()) return;
  for_columns_of_lane(a.dy.columns(), [&](index_t column) {
    S& dy = a.dy(row, column);
    if (a.activation == Activation::none) {
      dy *= factors(row, column);
    } else if (a.activation == Activation::relu) {
      // y > 0 says both that the element was positive and that dropout kept it.
      dy *= a.y(row, column) > S{0} ? factors.kept() : S{0};
    } else {
      // What the activation made, where dropout kept it; elsewhere the factor is zero.
      dy *= factors(row, column) * slope_at(a.activation, a.y(row, column) * (S{1} / factors.kept()));
    }
  });
}

template <class S>
void linear_backward(BasicContext<S>& context, const LinearBackward<BasicContext<S>>& a) {
  if (a.activation != Activation::none || a.dropout.active())
    launch<linear_epilogue_backward_kernel<S>>(context, warp_per_row(a.dy.rows()), a, DropoutFactors<S>(a.dropout));
  const const_matrix_of<BasicContext<S>> dy = a.dy;
  if (!a.dweight && a.dbias) add_column_sums(context, dy.rows(), MatrixValues<S>{dy}, a.dbias);
  if (a.dweight && !a.dx) return add_weight_gradient(context, dy, a.x, a.dweight, a.dbias, a.exact);
  if (!a.dx) return;
  dispatch_products(context, a.exact, [&]<class Mma>() {
    using Gradients = LinearGradients<S, Mma>;
    const auto none = dy.row_range(0, 0);
    const Gradients gradients{typename Gradients::Product::Operands(dy, a.weight), a.dx, is_in_pairs(a.dx.view),
                              ProductBlocks(a.dx.view.rows(), a.dx.view.columns()),
                              typename Gradients::Weights(context, a.dweight ? dy : none, a.dweight ? a.x : none)};
    const index_t blocks = gradients.blocks.count() + gradients.weights.blocks();
    launch<linear_gradients_kernel<S, Mma>>(
        context, {dim3(blocks_for(blocks, 1)), dim3(product_threads), Gradients::shared_bytes}, gradients);
    if (gradients.weights.of_slice()) add_slices(context, gradients.weights.of_slice(), a.dweight, a.dbias);
  });
}

}  // namespace seqrec::cuda
