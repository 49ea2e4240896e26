// SPDX-License-Identifier: Apache-2.0
// How a block keeps the best of many scores: those that may be among them gather in shared memory, are sorted there,
// and merged into a list in device memory of any length. All threads of the block take part in everything.
#pragma once

#include <limits>

#include "seqrec/core/types.hpp"
#include "seqrec/cuda/device.cuh"
#include "seqrec/cuda/reduce.cuh"

namespace seqrec::cuda {

/// Threads of a selecting block, and scores that each looks at between two barriers.
inline constexpr int selecting_threads = 128;
inline constexpr int scores_of_thread = 4;
inline constexpr int scores_per_round = selecting_threads * scores_of_thread;
/// Scores that gather in shared memory, 8 KB of floats: a power of two, as their sort wants, and room for a round more
/// than what makes a merge due.
inline constexpr int gathered_scores = 2 * scores_per_round;
/// What a row without an order scores, and an item that comes after all others. (Kernels may read a constant, but not
/// call std::numeric_limits.)
template <class S>
inline constexpr S not_a_number = std::numeric_limits<S>::quiet_NaN();
inline constexpr item_t last_item = std::numeric_limits<item_t>::max();

/// The scores that a block has gathered.
template <class S>
struct Gathered {
  S* scores;
  item_t* items;
  int count;

  /// Whether i comes before j in the answer: for a total order, so that a sort has one result.
  __device__ bool precedes(int i, int j) const {
    return scores[i] > scores[j] || (scores[i] == scores[j] && items[i] < items[j]);
  }
  __device__ void exchange(int i, int j) const {
    const S score = scores[i];
    const item_t item = items[i];
    scores[i] = scores[j];
    items[i] = items[j];
    scores[j] = score;
    items[j] = item;
  }
  /// Best first, by a bitonic network (Batcher 1968). All threads of the block take part.
  __device__ void sort() const {
    const int thread = static_cast<int>(threadIdx.x);
    int size = 1;
    while (size < count) size *= 2;
    for (int i = count + thread; i < size; i += selecting_threads) {  // what fills up comes last
      scores[i] = -infinity<S>;
      items[i] = last_item;
    }
    __syncthreads();
    for (int run = 2; run <= size; run *= 2)
      for (int distance = run / 2; distance > 0; distance /= 2) {
        for (int pair = thread; pair < size / 2; pair += selecting_threads) {
          const int low = pair / distance * (2 * distance) + pair % distance, high = low + distance;
          const bool ascends = (low & run) == 0;
          if (ascends ? precedes(high, low) : precedes(low, high)) exchange(low, high);
        }
        __syncthreads();
      }
  }
};

/// A state's row of the answer in the making: the best items so far, in order, then items -1 of minus infinity.
template <class S>
struct BestItems {
  S* scores;
  item_t* items;
  index_t wanted;

  __device__ S worst() const { return scores[wanted - 1]; }

  /// Every place holds the same.
  __device__ void fill(S score) const {
    for (index_t i = threadIdx.x; i < wanted; i += selecting_threads) {
      scores[i] = score;
      items[i] = -1;
    }
    __syncthreads();
  }

  /// How many come before something of that score that comes after them in the catalogue.
  __device__ index_t not_below(S score) const {
    index_t low = 0, high = wanted;
    while (low < high) {
      const index_t middle = (low + high) / 2;
      if (scores[middle] >= score)
        low = middle + 1;
      else
        high = middle;
    }
    return low;
  }

  /// Takes in sorted scores of items that come after all of these in the catalogue. In place, from the end: what moves
  /// moves back, behind what has been read. All threads of the block take part.
  __device__ void merge(const Gathered<S>& others) const {
    const int thread = static_cast<int>(threadIdx.x);
    index_t places[gathered_scores / selecting_threads];
    for (int i = 0; i < gathered_scores / selecting_threads; ++i) {
      const int other = thread + i * selecting_threads;
      places[i] = other < others.count ? other + not_below(others.scores[other]) : wanted;
    }
    __syncthreads();
    const index_t rounds = (wanted + selecting_threads - 1) / selecting_threads;
    for (index_t round = rounds - 1; round >= 0; --round) {
      const index_t place = round * selecting_threads + thread;
      S score{};
      item_t item{};
      index_t target = wanted;
      if (place < wanted) {
        score = scores[place];
        item = items[place];
        int low = 0, high = others.count;  // how many of the others are better
        while (low < high) {
          const int middle = (low + high) / 2;
          if (others.scores[middle] > score)
            low = middle + 1;
          else
            high = middle;
        }
        target = place + low;
      }
      __syncthreads();
      if (target < wanted) {
        scores[target] = score;
        items[target] = item;
      }
      __syncthreads();
    }
    for (int i = 0; i < gathered_scores / selecting_threads; ++i)
      if (places[i] < wanted) {
        scores[places[i]] = others.scores[thread + i * selecting_threads];
        items[places[i]] = others.items[thread + i * selecting_threads];
      }
    __syncthreads();
  }
};

}  // namespace seqrec::cuda
