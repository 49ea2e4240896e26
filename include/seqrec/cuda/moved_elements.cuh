// SPDX-License-Identifier: Apache-2.0
// How elements of parameters move under an update's rule: several of a thread, all loaded before the first is stored.
#pragma once

#include <cstdint>
#include <utility>

#include "seqrec/cuda/row_octets.cuh"
#include "seqrec/ops/optimizer_step.hpp"

namespace seqrec::cuda {

/// An update's rule: a small struct of numbers.
template <class Update>
using RuleOf = decltype(std::declval<const Update&>().rule(0.0, std::uint64_t{1}));

/// Makes the rule of a step, once for the block; all of its threads must take part.   @param rule  in shared memory
template <class Update>
__device__ void make_rule(RuleOf<Update>& rule, const Update& update, const StepInputs& inputs) {
  if (threadIdx.x == 0 && threadIdx.y == 0) {
    const auto made = update.rule(inputs.learning_rate, inputs.update);  // a watched build sees copies, not results
    rule = made;
  }
  __syncthreads();
}

/// a b, rounded by itself: a compiler that may fuse it with what comes next may do so in one kernel and not in another,
/// and an element is to move by the same bits whichever way its gradient is known.
template <class S>
__device__ S rounded_product(S a, S b) {
#ifdef __CUDACC__
  if constexpr (sizeof(S) == sizeof(float))
    return __fmul_rn(a, b);
  else
    return __dmul_rn(a, b);
#else
  return a * b;
#endif
}

/// Elements that a thread moves at once: all are loaded before the first is stored, so that many loads are under way.
inline constexpr int moved_at_once = 8;

/// Moves elements of a run, each with the gradient at the same distance from `gradients`, which is null for zeros.
/// @param element  of the first   @param step  from one to the next   @param count  of them, at most moved_at_once
template <class S, class Run, class Rule, index_t... State>
__device__ void move_elements(const Run& run, const Rule& rule, S scale, index_t element, const S* gradients,
                              index_t step, index_t count, std::integer_sequence<index_t, State...>) {
  S values[moved_at_once], slopes[moved_at_once];
  S states[sizeof...(State) + 1][moved_at_once];
  SEQREC_CUDA_UNROLL
  for (int i = 0; i < moved_at_once; ++i)
    if (i < count) {
      values[i] = run.values(element + i * step);
      slopes[i] = gradients == nullptr ? S{0} : rounded_product(gradients[i * step], scale);
      ((states[State][i] = run.states[State](element + i * step)), ...);
    }
  SEQREC_CUDA_UNROLL
  for (int i = 0; i < moved_at_once; ++i)
    if (i < count) {
      run.values(element + i * step) = rule.template operator()<S>(values[i], slopes[i], states[State][i]...);
      ((run.states[State](element + i * step) = states[State][i]), ...);
    }
}

/// Bytes of a row's elements that may be read at a time: 16 or 8 where its values, gradients and states begin at
/// multiples of that, and hold a multiple.
template <class Run, class Master>
__device__ int alignment_of_row(const Run& run, index_t row, const Master* gradient) {
  const auto address = [](const Master* p) { return reinterpret_cast<std::uintptr_t>(p); };
  std::uintptr_t bits = static_cast<std::uintptr_t>(run.row_width) * sizeof(Master) | address(gradient) |
                        address(run.values.data + row * run.row_width);
  for (index_t state = 0; state < run.states.size(); ++state)
    bits |= address(run.states[state].data + row * run.row_width);
  return bits % 16 == 0 ? 16 : bits % 8 == 0 ? 8 : static_cast<int>(sizeof(Master));
}

/// Moves a row, eight columns a lane.   @param gradient  null for zeros
template <class S, class Run, class Rule, index_t... State>
__device__ void move_octets(const Run& run, const Rule& rule, S scale, index_t row, const S* gradient,
                            std::integer_sequence<index_t, State...>) {
  const int alignment = alignment_of_row(run, row, gradient);
  for_octets_of_lane(OctetPlace(octets_of_row(run.row_width)), run.row_width, [&](index_t column, int count) {
    const index_t element = row * run.row_width + column;
    auto values = Octet<S>::load(run.values.data + element, count, alignment);
    Octet<S> slopes, states[sizeof...(State) + 1];
    if (gradient != nullptr) slopes = Octet<S>::load(gradient + column, count, alignment);
    ((states[State] = Octet<S>::load(run.states[State].data + element, count, alignment)), ...);
    SEQREC_CUDA_UNROLL
    for (int i = 0; i < octet; ++i)
      values[i] = rule.template operator()<S>(values[i], rounded_product(slopes[i], scale), states[State][i]...);
    values.store(run.values.data + element, count, alignment);
    (states[State].store(run.states[State].data + element, count, alignment), ...);
  });
}

}  // namespace seqrec::cuda
