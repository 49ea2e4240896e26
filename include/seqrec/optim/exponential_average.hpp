// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "seqrec/autograd/parameter_ranges.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/for_parts.hpp"
#include "seqrec/ops/optimizer_step.hpp"

namespace seqrec {

namespace detail {

/// To the op an average is a value and the weights are its gradient: the pass over memory is the same.
struct MixIntoAverage {
  static constexpr int states = 0;
  double decay;

  /// That of one step.
  struct Rule {
    double share;  ///< of the weights

    SEQREC_HOST_TYPES_TOO
    template <class Scalar, class Real>
    SEQREC_HOST_DEVICE Real operator()(const Real& average, const Real& weight) const {
      Real mixed = weight;  // the very bits, where there is nothing to mix
      if (share != 1) mixed = average + static_cast<Scalar>(share) * (weight - average);
      return mixed;
    }
  };
  SEQREC_HOST_DEVICE Rule rule(double, std::uint64_t update) const { return {update == 1 ? 1 : 1 - decay}; }
};

}  // namespace detail

/// An exponential moving average of a model's weights (Polyak & Juditsky 1992 average equally; this is PyTorch's
/// AveragedModel with get_ema_multi_avg_fn): the weights of the first step, then decay average + (1 - decay) weights.
/// What does not follow the optimiser (statistics, which are means already, and what is frozen) is copied.
template <class Context>
class ExponentialAverage {
 public:
  using Master = typename Context::Master;
  using Space = typename Context::Space;

  /// @throws ArgumentError unless 0 <= decay < 1
  ExponentialAverage(index_t parameter_elements, double decay) : decay_(decay), average_(parameter_elements) {
    check_argument(decay >= 0 && decay < 1, "average decay", decay, "a value in [0, 1)");
  }

  /// As many elements as the model's store has, each where it lies there.
  Tensor<Master, 1, Space>& values() { return average_; }
  const Tensor<Master, 1, Space>& values() const { return average_; }

  /// After a step; nothing happens after a bad one.
  /// @param ranges of the model's elements   @param weights all of them   @param state of the step
  template <class Team>
  void update(Team& team, const ParameterRanges& ranges, VectorView<const Master, Space> weights,
              const StepState<Space>& state) {
    for (const bool mixed : {true, false}) {
      const auto elements = [&](const ParameterRange& range) {
        return range.follows_optimizer() == mixed ? range.size : 0;
      };
      team.for_ranges(size_of_parts(ranges, elements), [&](Context& context, index_t first, index_t count) {
        OptimizerStep<Context, detail::MixIntoAverage> step{.runs = {},
                                                            .inputs = state.inputs(),
                                                            .outcome = state.outcome(),
                                                            .update = {mixed ? decay_ : 0},
                                                            .clips = false};
        for_parts_within(first, count, ranges, elements, [&](const auto& range, index_t from, index_t size) {
          if (step.runs.full()) {
            ops::optimizer_step(context, step);
            step.runs.clear();
          }
          const index_t begin = range.offset + from;
          step.runs.push_back({.values = average_.view().row_range(begin, size),
                               .gradients = weights.row_range(begin, size),
                               .states = {},
                               .rows = {}});
        });
        ops::optimizer_step(context, step);
      });
    }
  }

 private:
  double decay_;
  Tensor<Master, 1, Space> average_;
};

}  // namespace seqrec
