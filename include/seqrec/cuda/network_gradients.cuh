// SPDX-License-Identifier: Apache-2.0
// The small network of candidate attention over pairs, backward, all of its layers in one launch.
//
// Blocks take pairs in turn (gradient_block.cuh) and sum the gradients of weights over theirs; a second launch adds up
// those of blocks, in order. Memory: reads each layer's values twice, keys and queries once a pair; writes the
// gradients of the first layer and of products once.
#pragma once

#include <algorithm>
#include <cstddef>

#include "seqrec/cuda/gradient_block.cuh"
#include "seqrec/cuda/gradient_places.cuh"
#include "seqrec/cuda/network_places.cuh"
#include "seqrec/cuda/product_precision.cuh"
#include "seqrec/ops/candidate_attention.hpp"

namespace seqrec::cuda {

/// Warps of a block at most: two blocks share a multiprocessor, so that one loads while the other computes. Blocks on a
/// device that holds two on each of its multiprocessors.
inline constexpr int most_gradient_warps = 7;
inline constexpr unsigned gradient_blocks = 2 * 132;

template <class S, class Terms>
__global__ void __launch_bounds__(most_gradient_warps* warp_size, 2)
    network_gradients_kernel(const __grid_constant__ NetworkGradients<S> a,
                             const __grid_constant__ GradientPlaces places) {
  GradientBlock<S, Terms> block(a, places);
  const index_t of_block = static_cast<index_t>(blockDim.y) * mma_rows, first = blockIdx.x * of_block;
  for (index_t pair = first; pair < a.total; pair += gridDim.x * of_block) block(pair, pair == first);
  block.finish();
}

/// Adds a sum to the gradient it belongs to.
template <class S>
__device__ void add_network_gradient(const NetworkGradients<S>& a, const GradientPlaces& places, int i,
                                     accumulator_of<S> sum) {
  using Master = typename BasicContext<S>::Master;
  const auto& unit = a.unit;
  const auto add = [&](auto view, auto... at) {
    if (view) view(at...) += static_cast<Master>(sum);
  };
  if (i >= places.of_output) {
    const int last = places.widths[places.layers], of_head = i - places.of_output, head = of_head / (last + 1);
    if (of_head % (last + 1) < last)
      add(unit.dweight, head, of_head % (last + 1));
    else
      add(unit.dbias, head);
    return;
  }
  if (i < places.of_units) {
    int l = places.layers - 1;
    while (places.dweights[l] > i) --l;
    const int inputs = places.widths[l];
    const auto at = WeightJobs(places.widths[l + 1], inputs).element(i - places.dweights[l]);
    if (at.unit < places.widths[l + 1] && at.input < inputs)
      add(unit.hidden[l].dweight, at.unit, (l == 0 ? 3 * inputs : 0) + at.input);
    return;
  }
  const int what = (i - places.of_units) % sums_of_unit;
  int l = 0, of_layer = (i - places.of_units) / sums_of_unit;
  while (of_layer >= places.widths[l + 1]) of_layer -= places.widths[++l];
  const auto& f = unit.hidden[l].activation;
  if (what == 0) add(unit.hidden[l].dbias, of_layer);
  if (what == 1 && has_slope(f.kind)) add(f.dalpha, of_layer);
  if (what == 2 && f.kind == Activation::dice) add(f.sum, of_layer);
  if (what == 3 && f.kind == Activation::dice) add(f.squares, of_layer);
}

/// One warp-wide run of sums a block: its warps add up every eighth block's, then one of them the warps' in order.
template <class S>
__global__ void add_network_gradients_kernel(const __grid_constant__ NetworkGradients<S> a,
                                             const __grid_constant__ GradientPlaces places) {
  using Accumulator = accumulator_of<S>;
  __shared__ shared_array<Accumulator[warp_size], most_gradient_warps> of_warp;
  const int i = static_cast<int>(blockIdx.x) * warp_size + static_cast<int>(threadIdx.x);
  Accumulator sum = 0;
  if (i < places.sums)
    for (index_t block = threadIdx.y; block < a.sums.rows(); block += most_gradient_warps) sum += a.sums(block, i);
  of_warp[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || i >= places.sums) return;
  for (int warp = 1; warp < most_gradient_warps; ++warp) sum += of_warp[warp][threadIdx.x];
  add_network_gradient(a, places, i, sum);
  if (i != 0) return;
  for (int l = 0; l < places.layers; ++l) {
    const auto& f = a.unit.hidden[l].activation;
    if (f.kind == Activation::dice && f.rows) f.rows(0) += static_cast<typename BasicContext<S>::Master>(a.total);
  }
}

/// Gradients of the network's weights (but for the first layer's parts without pairs), added where they are wanted, and
/// of what goes into it.   @return whether it fits into shared memory; if not, nothing has been done
template <class S>
bool network_gradients(BasicContext<S>& context, NetworkGradients<S> a) {
  const std::size_t most = most_shared_bytes();
  if (!fits_shared_memory<S>(a.unit, a.inputs.keys.columns(), most)) return false;
  if (a.total == 0) return true;
  const GradientPlaces places(a.unit, a.inputs.keys.columns());
  a.has_packed_products =
      a.dproducts && a.dproducts.columns() % 2 == 0 && is_packed<2>(a.dproducts.data, a.dproducts.stride);
  // As many warps as leave room for a second block, if they are some; else as many as fit.
  const auto warps_in = [&](std::size_t bytes) {
    int warps = most_gradient_warps;
    while (warps > 0 && places.bytes<S>(warps) > bytes) --warps;
    return warps;
  };
  int warps = warps_in(most / 2 - 1024);
  if (warps < most_gradient_warps / 2) warps = warps_in(most);
  if (warps == 0) return false;
  const LaunchShape shape{dim3(std::min(blocks_for(a.total, warps * mma_rows), gradient_blocks)),
                          dim3(warp_size, static_cast<unsigned>(warps)), places.bytes<S>(warps)};
  // Rows begin where several elements are read at once.
  a.sums = context.matrix(shape.grid.x, round_up(places.sums, memory_alignment)).column_range(0, places.sums);
  dispatch_terms(context,
                 [&]<class Terms>() { launch<network_gradients_kernel<S, Terms>>(context, shape, a, places); });
  launch<add_network_gradients_kernel<S>>(
      context, {dim3(blocks_for(places.sums, warp_size)), dim3(warp_size, most_gradient_warps)}, a, places);
  return true;
}

}  // namespace seqrec::cuda
