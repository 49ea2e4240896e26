// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>

#include "seqrec/autograd/parameter_store.hpp"
#include "seqrec/autograd/tape.hpp"
#include "seqrec/optim/clipping.hpp"
#include "seqrec/optim/optimizer.hpp"

namespace seqrec {

/// The work on one shard, forward and backward. One function for every backend: a team cuts and deals the batch.
template <class Model, class Objective>
auto shard_gradients(const Model& model, const Objective& objective) {
  using Context = typename Model::Context;
  return [&model, &objective](Context& context, const auto& shard) {
    Tape<Context> tape(context, Mode::training);
    objective(model, tape, shard);
    tape.backward();
  };
}

/// The loss of a batch and, in team.gradients(), its gradient.
/// @param seed, step  choose the dropout masks
template <class Team, class Model, class Objective, class HostBatch>
double compute_gradients(Team& team, const Model& model, const Objective& objective, const HostBatch& batch,
                         std::uint64_t seed, std::uint64_t step) {
  team.run_step(seed, step, batch, shard_gradients(model, objective));
  return team.reduce();
}

/// The same of several batches as if they were one (gradient accumulation): their loss scales must be those of the
/// whole. Only one of them needs memory at a time.
/// @param make_batch    make_batch(i) returns batch i, which may end with the next call
/// @param first_number  of the first batch, chooses its masks; those of batch i are first_number + i's
template <class Team, class Model, class Objective, class MakeBatch>
double accumulate_gradients(Team& team, const Model& model, const Objective& objective, index_t batches,
                            MakeBatch&& make_batch, std::uint64_t seed, std::uint64_t first_number) {
  for (index_t i = 0; i < batches; ++i) {
    const std::uint64_t number = first_number + static_cast<std::uint64_t>(i);
    if (i == 0)
      team.run_step(seed, number, make_batch(i), shard_gradients(model, objective));
    else
      team.run_further(seed, number, make_batch(i), shard_gradients(model, objective));
  }
  return team.reduce();
}

/// @throws NonFiniteError naming the step and the first parameter that is not finite
template <class Context>
void check_finite(Context& context, const ParameterStore<Context>& parameters, std::uint64_t step) {
  if (std::isfinite(ops::sum_squares(context, parameters.values()))) return;
  if (const ParameterEntry* const bad = first_not_finite(context, parameters.entries(), parameters.values()))
    throw NonFiniteError(concatenate("step ", step, ": ", bad->name,
                                     " is not finite; hint: lower the learning rate or clip the gradient's norm"));
}

/// What is known of a step after it.
struct StepResult {
  double loss = 0;           ///< mean over the batch's targets, before the update
  double gradient_norm = 0;  ///< before clipping
};

/// The end of a training step: clipping, the optimiser's update, and that of the model's statistics.
/// @param ranges of model.parameters()
/// @param loss, step  of the gradients in team.gradients()   @param clip_norm limit of the gradient's norm; 0 for none
/// @throws NonFiniteError naming the step and the first parameter concerned; the model is left as it was
template <class Team, class Model, class AnAlgorithm>
StepResult apply_gradients(Team& team, Model& model, const ParameterRanges& ranges,
                           Optimizer<typename Model::Context, AnAlgorithm>& optimizer, double loss,
                           double learning_rate, double clip_norm, std::uint64_t step) {
  using Context = typename Model::Context;
  ParameterStore<Context>& parameters = model.parameters();
  const double squares = gradient_squares<Context>(team.context(), ranges, team.gradients());
  if (!std::isfinite(squares))
    if (const auto* const bad = first_not_finite<Context>(team.context(), parameters.entries(), team.gradients()))
      throw NonFiniteError(concatenate("step ", step, ": the gradient of ", bad->name, " is not finite, the loss is ",
                                       loss, "; hint: lower the learning rate or clip the gradient's norm"));
  if (!std::isfinite(loss))
    throw NonFiniteError(concatenate("step ", step, ": the loss is ", loss, ", before the update of ",
                                     parameters.entries().front().name, "; expected a finite number"));
  const double norm = std::sqrt(squares);
  optimizer.step(team, ranges, parameters.values(), team.gradients(), learning_rate, clip_scale(norm, clip_norm));
  parameters.update_statistics(team.context(), team.gradients(), ranges);
  return {loss, norm};
}

/// One training step: forward, backward, clipping, update.
/// @param step counted from 0   @param clip_norm limit of the gradient's norm; 0 for none
/// @throws NonFiniteError naming the step and the first parameter concerned; the model is left as it was
template <class Team, class Model, class Objective, class HostBatch, class AnAlgorithm>
StepResult training_step(Team& team, Model& model, const ParameterRanges& ranges, const Objective& objective,
                         Optimizer<typename Model::Context, AnAlgorithm>& optimizer, const HostBatch& batch,
                         double learning_rate, double clip_norm, std::uint64_t seed, std::uint64_t step) {
  const double loss = compute_gradients(team, model, objective, batch, seed, step);
  return apply_gradients(team, model, ranges, optimizer, loss, learning_rate, clip_norm, step);
}

}  // namespace seqrec
