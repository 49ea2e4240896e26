// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>

#include "seqrec/autograd/parameter_set.hpp"
#include "seqrec/autograd/tape.hpp"
#include "seqrec/optim/clipping.hpp"
#include "seqrec/optim/optimizer.hpp"

namespace seqrec {

/// The loss of a batch and, in team.gradients(), its gradient. One function for every backend: a team cuts and deals
/// the batch, this is the work on each shard.
/// @param seed, step  choose the dropout masks
template <class Team, class Model, class Objective, class HostBatch>
double compute_gradients(Team& team, const Model& model, const Objective& objective, const HostBatch& batch,
                         std::uint64_t seed, std::uint64_t step) {
  using Context = typename Model::Context;
  team.run_step(seed, step, batch, [&](Context& context, const auto& shard) {
    Tape<Context> tape(context, Mode::training);
    objective(model, tape, shard);
    tape.backward();
  });
  return team.reduce();
}

/// @throws NonFiniteError naming the step and the first parameter that is not finite
template <class Context>
void check_finite(Context& context, const ParameterSet<Context>& parameters, std::uint64_t step) {
  for (const auto& entry : parameters)
    if (!std::isfinite(ops::sum_squares(context, entry.values)))
      throw NonFiniteError(concatenate("step ", step, ": ", entry.name,
                                       " is not finite; hint: lower the learning rate or clip the gradient's norm"));
}

/// What is known of a step after it.
struct StepResult {
  double loss = 0;           ///< mean over the batch's targets, before the update
  double gradient_norm = 0;  ///< before clipping
};

/// One training step: forward, backward, clipping, update.
/// @param step counted from 0   @param clip_norm limit of the gradient's norm; 0 for none
/// @throws NonFiniteError naming the step and the first parameter concerned; the model is left as it was
template <class Team, class Model, class Objective, class HostBatch, class Algorithm>
StepResult training_step(Team& team, const Model& model, const ParameterSet<typename Model::Context>& parameters,
                         const Objective& objective, Optimizer<typename Model::Context, Algorithm>& optimizer,
                         const HostBatch& batch, double learning_rate, double clip_norm, std::uint64_t seed,
                         std::uint64_t step) {
  using Context = typename Model::Context;
  StepResult result;
  result.loss = compute_gradients(team, model, objective, batch, seed, step);
  const GradientNorm<Context> norm = gradient_norm(team.context(), parameters, team.gradients());
  result.gradient_norm = norm.value;
  if (norm.first_bad != nullptr)
    throw NonFiniteError(concatenate("step ", step, ": the gradient of ", norm.first_bad->name,
                                     " is not finite, the loss is ", result.loss,
                                     "; hint: lower the learning rate or clip the gradient's norm"));
  if (!std::isfinite(result.loss))
    throw NonFiniteError(concatenate("step ", step, ": the loss is ", result.loss, ", before the update of ",
                                     parameters.entries().front().name, "; expected a finite number"));
  optimizer.step(team, parameters, team.gradients(), learning_rate, clip_scale(norm.value, clip_norm));
  return result;
}

}  // namespace seqrec
