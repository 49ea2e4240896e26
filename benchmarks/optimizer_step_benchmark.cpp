// SPDX-License-Identifier: Apache-2.0
// One step of Adam over P parameters: a SASRec for MovieLens 1M has a quarter of a million.

#include <cmath>

#include "harness.hpp"
#include "seqrec/cpu/optimizer_step.hpp"
#include "seqrec/optim/adam.hpp"

namespace {

using namespace benchmarks;

class AdamStep {
 public:
  explicit AdamStep(const benchmark::State& state)
      : gradients_(random_vector(state.range(0), 1)),
        values_(random_vector(state.range(0), 2)),
        mean_(state.range(0)),
        square_(state.range(0)),
        expected_values_(random_vector(state.range(0), 2)),
        expected_mean_(state.range(0)),
        expected_square_(state.range(0)) {
    state_.begin({.update = 10, .learning_rate = 1e-3});
  }

  index_t pieces() const { return 1; }
  void run(index_t) {
    seqrec::ops::optimizer_step(
        context_, seqrec::OptimizerStep<Context, seqrec::Adam>{.runs = {{.values = values_.view(),
                                                                         .gradients = gradients_.view(),
                                                                         .states = {mean_.view(), square_.view()},
                                                                         .rows = {}}},
                                                               .inputs = state_.inputs(),
                                                               .outcome = state_.outcome(),
                                                               .update = seqrec::Adam{}});
  }
  void baseline(index_t) {
    const auto beta1 = static_cast<float>(rule_.beta1), beta2 = static_cast<float>(rule_.beta2);
    const auto step_size = static_cast<float>(rule_.step_size), epsilon = static_cast<float>(rule_.epsilon);
    const auto inverse_root = static_cast<float>(rule_.inverse_root);
    for (index_t i = 0; i < gradients_.size(); ++i) {
      const float g = gradients_.view()(i);
      float& mean = expected_mean_.view()(i);
      float& square = expected_square_.view()(i);
      mean = beta1 * mean + (1 - beta1) * g;
      square = beta2 * square + (1 - beta2) * g * g;
      expected_values_.view()(i) -= step_size * mean / (std::sqrt(square) * inverse_root + epsilon);
    }
  }
  std::vector<Result> results() const { return {{elements(values_), elements(expected_values_)}}; }
  /// Eleven operations an element, a root and a division among them; seven numbers read or written.
  Cost cost() const {
    const auto size = static_cast<double>(gradients_.size());
    return {.rows = size, .operations = 11 * size, .bytes = 7 * sizeof(float) * size};
  }

 private:
  Context context_;
  seqrec::StepState<seqrec::HostSpace> state_;
  seqrec::Adam::Rule rule_ = seqrec::Adam{}.rule(1e-3, 10);
  Vector gradients_, values_, mean_, square_, expected_values_, expected_mean_, expected_square_;
};

const bool registered =
    compare<AdamStep>("optimizer_step/adam", "plain_loops", {"P"}, {{movielens_1m::items * 64 + 64000}, {1 << 22}});

}  // namespace
