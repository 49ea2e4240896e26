// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>

#include "seqrec/core/tensor.hpp"

namespace seqrec {

/// What the host tells a training step.
struct StepInputs {
  std::uint64_t step = 0;    ///< of the run, counted from 0: how messages name it
  std::uint64_t update = 1;  ///< of the optimiser, counted from 1: what bias corrections count
  double learning_rate = 0;
  double clip_norm = 0;  ///< limit of the gradient's norm; 0 for none
};

/// What a training step tells the host, when the host asks.
struct StepOutcome {
  double loss = 0;                   ///< mean over the targets of the step, before its update
  double gradient_norm = 0;          ///< Euclidean, of all trained parameters together, before clipping
  double gradient_scale = 1;         ///< what clipping multiplies gradients by
  std::int64_t first_bad_step = -1;  ///< whose loss or gradient was not finite; from there on no update does anything

  SEQREC_HOST_DEVICE bool is_good() const { return first_bad_step < 0; }

  /// Takes a step's loss and the sum of its gradients' squares into account. What was bad stays bad. Gradients are
  /// scaled so that their norm is at most the limit (Pascanu et al. 2013), as PyTorch's clip_grad_norm_ does it.
  SEQREC_HOST_DEVICE void conclude(const StepInputs& inputs, double loss_of_step, double gradient_squares) {
    loss = loss_of_step;
    gradient_norm = sqrt(gradient_squares);
    const double most = inputs.clip_norm / (gradient_norm + 1e-6);
    gradient_scale = inputs.clip_norm > 0 && most < 1 ? most : 1.0;
    if (is_good() && !(isfinite(loss) && isfinite(gradient_squares)))
      first_bad_step = static_cast<std::int64_t>(inputs.step);
  }

 private:
  SEQREC_HOST_DEVICE static bool isfinite(double x) { return x - x == 0; }
};

/// The same in the memory of a space: a step that runs on a device finds its numbers there, leaves what became of it
/// there, and never waits for the host. (What is captured as a graph can so be replayed with other numbers.)
template <class Space>
class StepState {
 public:
  /// Before a step. What the steps before it left stays.
  void begin(const StepInputs& inputs, typename Memory<Space>::Stream stream = {}) {
    Memory<Space>::copy_from_host(inputs_.view().data, &inputs, sizeof inputs, stream);
  }
  /// Waits for the steps so far and says what became of the last one.
  StepOutcome read(typename Memory<Space>::Stream stream = {}) const {
    StepOutcome outcome;
    Memory<Space>::copy_to_host(&outcome, outcome_.view().data, sizeof outcome, stream);
    return outcome;
  }
  /// Forgets what was bad.
  void reset(typename Memory<Space>::Stream stream = {}) {
    const StepOutcome none;
    Memory<Space>::copy_from_host(outcome_.view().data, &none, sizeof none, stream);
  }

  VectorView<const StepInputs, Space> inputs() const { return inputs_.view(); }     ///< (1)
  VectorView<StepOutcome, Space> outcome() { return outcome_.view(); }              ///< (1)
  VectorView<const StepOutcome, Space> outcome() const { return outcome_.view(); }  ///< (1)
  VectorView<double, Space> gradient_squares() { return squares_.view(); }          ///< (1) scratch of `conclude_step`

  StepState() : inputs_(1), outcome_(1), squares_(1) {
    begin({});
    reset();
  }

 private:
  Tensor<StepInputs, 1, Space> inputs_;
  Tensor<StepOutcome, 1, Space> outcome_;
  Tensor<double, 1, Space> squares_;
};

}  // namespace seqrec
