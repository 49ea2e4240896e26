// SPDX-License-Identifier: Apache-2.0
// How the GPU scores items. Whoever does it, for the whole catalogue, a part of it or listed items, for one state or
// many, gets the same fused multiply-adds in ascending order of columns, then the bias: an item's score is the same to
// the last bit whoever asks, and equal items have equal scores.
//
// Tiles of 64 states by 64 items, a block each (product_tile.cuh). Memory: a tile reads its states and its items once.
#pragma once

#include "seqrec/cuda/context.cuh"
#include "seqrec/cuda/launch.cuh"
#include "seqrec/cuda/product_tile.cuh"
#include "seqrec/ops/item_head.hpp"

namespace seqrec::cuda {

/// States and items of a tile: for each value that is loaded, 32 products.
inline constexpr int scored_states = 64;
inline constexpr int scored_items = 64;

/// A run of items.
struct ItemRange {
  index_t first, end;

  SEQREC_HOST_DEVICE index_t size() const { return end - first; }
};

/// The scores of a block's tile.
template <class S>
class ScoreTile {
 public:
  using Product = ProductTile<S, scored_states, scored_items>;
  static constexpr int of_thread = Product::of_thread;

  /// All threads of the block take part.   @param states (B, D)
  __device__ ScoreTile(const ItemHead<BasicContext<S>>& head, MatrixView<const S, DeviceSpace> states, ItemRange items)
      : head_(head),
        states_(states.rows()),
        end_(items.end),
        first_state_(static_cast<index_t>(blockIdx.y) * scored_states),
        first_item_(items.first + static_cast<index_t>(blockIdx.x) * scored_items) {
    product_.multiply(
        head.width(),
        [&](index_t column) {
          return [&, column](int i) { return first_state_ + i < states_ ? states(first_state_ + i, column) : S{0}; };
        },
        [&](index_t column) {
          return [&, column](int j) { return first_item_ + j < end_ ? head_.table(first_item_ + j, column) : S{0}; };
        });
  }

  /// Which state and item a thread's elements are of; there may be no such ones at the ends.
  __device__ index_t state(int i) const { return first_state_ + Product::row(i); }
  __device__ index_t item(int j) const { return first_item_ + Product::column(j); }
  __device__ bool is_state(int i) const { return state(i) < states_; }
  __device__ bool is_item(int j) const { return item(j) < end_; }
  /// The score of an item that there is.
  __device__ S score(int i, int j) const {
    const S product = static_cast<S>(product_.sum(i, j));
    return head_.bias ? product + head_.bias(item(j)) : product;
  }

 private:
  const ItemHead<BasicContext<S>>& head_;
  index_t states_, end_, first_state_, first_item_;
  Product product_;
};

/// A block per tile.
inline LaunchShape score_tiles(index_t states, index_t items) {
  return {dim3(blocks_for(items, scored_items), blocks_across("states to be scored", states, scored_states)),
          dim3(ProductTile<float, scored_states, scored_items>::threads)};
}

/// The score of one item, by one thread.
template <class S>
__device__ S score_of_item(const ItemHead<BasicContext<S>>& head, const S* state, index_t item) {
  accumulator_of<S> sum = 0;
  const S* const vector = head.table.row(item);
  for (index_t column = 0; column < head.width(); ++column)
    sum = std::fma(static_cast<accumulator_of<S>>(state[column]), static_cast<accumulator_of<S>>(vector[column]), sum);
  const S product = static_cast<S>(sum);
  return head.bias ? product + head.bias(item) : product;
}

}  // namespace seqrec::cuda
