// SPDX-License-Identifier: Apache-2.0
// Whole training steps on a GPU: forward, backward, clipping, Adam, at sizes from real runs.
#pragma once

#include <functional>
#include <string>

#include "seqrec/core/types.hpp"

namespace benchmarks {

/// Medians over rounds; rounds after the first of each model, whose kernels have been loaded. The batch lies on the
/// device already.
struct StepTimes {
  double waits;    ///< milliseconds a step where what became of it is read before the next begins, as the trainer does
  double runs_on;  ///< where twenty are launched and waited for once: the device alone, if launching is not slower
};

/// One model's, given to the device in both ways, one after the other.
struct Step {
  std::string name;
  seqrec::index_t rows;
  StepTimes single;     ///< each kernel launched by itself
  StepTimes in_graphs;  ///< TeamOptions::graphs
};

/// Calls found(step) of each whose name is wanted(name), as soon as it is measured.
/// @throws std::runtime_error where the loss of one batch, trained on again and again, does not fall
void for_training_steps(const std::function<bool(const std::string&)>& wanted,
                        const std::function<void(const Step&)>& found);

}  // namespace benchmarks
