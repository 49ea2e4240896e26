// SPDX-License-Identifier: Apache-2.0
// The small network of candidate attention over pairs, backward: what a block does with some pairs after others.
//
// Each warp takes sixteen pairs from their scores back to the products q * k, in shared memory. Products are on tensor
// cores: gradients of inputs for a warp's own pairs; of weights for all pairs of the block, some tiles a warp, added to
// the block's own sums, which it alone touches.
#pragma once

#include <cstddef>
#include <type_traits>

#include "seqrec/cuda/gradient_rows.cuh"
#include "seqrec/cuda/warp_product.cuh"

namespace seqrec::cuda {

/// A block's work on some pairs after others; all of its threads take part in all of it.
/// @tparam Terms  of products; see mma_terms.cuh
template <class S, class Terms>
class GradientBlock : public GradientRows<S> {
 public:
  using Base = GradientRows<S>;
  using typename Base::Accumulator;
  using Sums = MmaSums<Accumulator>;
  using Base::Base;

  /// Takes sixteen pairs a warp through the network.   @param is_first  of the block: its sums are written
  __device__ void operator()(index_t first, bool is_first) {
    this->set_pairs(first);
    this->template through_activation<true>(places_.layers - 1);
    for (int l = places_.layers - 1; l >= 0; --l) {
      if (l == 0)
        write_products();
      else
        this->write_activations(l);
      __syncthreads();
      add_weight_gradients(l, is_first);
      __syncthreads();  // what went into the layer makes place for its gradient
      write_input_gradients(l);
      __syncwarp();
      if (l > 0) this->template through_activation<false>(l - 1);
    }
  }

 private:
  using Base::a_;
  using Base::count_;
  using Base::numbers_;
  using Base::of_block;
  using Base::of_pair;
  using Base::pair_;
  using Base::places_;
  using Base::warp;
  using Base::warps;

  /// What goes into the first layer: two rows a lane, the last pair for those beyond it.
  __device__ void write_products() const {
    for (int half = 0; half < 2; ++half) {
      const int row = Sums::row(2 * half);
      const index_t pair[] = {pair_ + row < a_.total ? pair_ + row : a_.total - 1};
      S* const to[] = {of_pair(0, row)};
      a_.inputs.write_products(pair, to, 0);
    }
  }

  /// Adds gradients of a layer's weight to the block's sums.
  __device__ void add_weight_gradients(int l, bool is_first) const {
    const WeightJobs jobs(places_.widths[l + 1], places_.widths[l]);
    if (jobs.tiles == 5)
      add_weight_tiles<5>(l, jobs, is_first);
    else
      add_weight_tiles<4>(l, jobs, is_first);
  }
  template <int Tiles>
  __device__ void add_weight_tiles(int l, const WeightJobs& jobs, bool is_first) const {
    using Four = Packed<S, 4>;
    const int units = places_.widths[l + 1], end = whole_tiles(places_.widths[l]);
    const int dz_stride = places_.strides[(l + 1) % 2], x_stride = places_.strides[l % 2];
    const S *const dz = of_block(l + 1), *const x = of_block(l);
    for (int job = warp(); job < jobs.count; job += warps()) {
      const int first_unit = jobs.first_unit(job), first_input = jobs.first_input(job);
      // The block's sums so far arrive while the product is made.
      auto* const to =
          reinterpret_cast<Four*>(a_.sums.row(blockIdx.x) + places_.dweights[l] + jobs.place(job, 0, mma_lane()));
      Sums sums[static_cast<std::size_t>(Tiles)];
      if (!is_first) {
        SEQREC_CUDA_UNROLL
        for (int tile = 0; tile < Tiles; ++tile) {
          const Four so_far = to[tile * warp_size];
          for (int i = 0; i < 4; ++i) sums[tile].values[i] = so_far.values[i];
        }
      }
      const S *const of_units = dz + first_unit, *const of_inputs = x + first_input;
      const int units_left = units - first_unit, inputs_left = end - first_input;
      // Of what lies beyond the last unit or input anything will do: nobody reads it.
      const auto multiply = [&](auto whole) {
        constexpr bool is_whole = decltype(whole)::value;
        add_tiles<Terms>(
            sums, warps() * mma_rows,
            [&](int row, int term) { return of_units[term * dz_stride + (row < units_left ? row : 0)]; },
            [&](int term, int column) {
              return of_inputs[term * x_stride + (is_whole || column < inputs_left ? column : 0)];
            });
      };
      if (Tiles == 5 || Tiles * mma_columns <= inputs_left)
        multiply(std::true_type{});
      else
        multiply(std::false_type{});
      SEQREC_CUDA_UNROLL
      for (int tile = 0; tile < Tiles; ++tile) {
        Four sum;
        for (int i = 0; i < 4; ++i) sum.values[i] = static_cast<S>(sums[tile].values[i]);
        to[tile * warp_size] = sum;
      }
    }
  }

  /// Gradients of what goes into a layer: in its place, or, of products, where they are wanted.
  __device__ void write_input_gradients(int l) const {
    if (l == 0 && !a_.dproducts) return;
    const int tiles = whole_tiles(places_.widths[l]) / mma_columns;
    int tile = 0;
    for (; tile + 5 <= tiles; tile += 5) input_tiles<5>(l, tile);
    if (tile + 3 <= tiles) {
      input_tiles<3>(l, tile);
      tile += 3;
    }
    for (; tile < tiles; ++tile) input_tiles<1>(l, tile);
  }
  template <int Tiles>
  __device__ void input_tiles(int l, int first_tile) const {
    const int stride = places_.weight_stride(l), dz_stride = places_.strides[(l + 1) % 2], inputs = places_.widths[l];
    const int first = first_tile * mma_columns;
    const S *const dz = of_pair(l + 1, 0), *const weight = numbers_ + places_.weights[l] + first;
    Sums sums[static_cast<std::size_t>(Tiles)];
    add_tiles<Terms>(
        sums, whole_tiles(places_.widths[l + 1]), [&](int row, int term) { return dz[row * dz_stride + term]; },
        [&](int term, int column) { return weight[term * stride + column]; });
    SEQREC_CUDA_UNROLL
    for (int tile = 0; tile < Tiles; ++tile)
      for (int half = 0; half < 2; ++half) {
        const int row = Sums::row(2 * half), input = first + tile * mma_columns + Sums::column(0);
        const Packed<S, 2> two{
            {static_cast<S>(sums[tile].values[2 * half]), static_cast<S>(sums[tile].values[2 * half + 1])}};
        if (l > 0)
          *reinterpret_cast<Packed<S, 2>*>(of_pair(l, row) + input) = two;
        else if (row < count_)
          write_two(two, a_.dproducts.row(pair_ + row) + input, inputs - input, a_.has_packed_products);
      }
  }
};

}  // namespace seqrec::cuda
