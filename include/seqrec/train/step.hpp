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
    Tape<Context> tape(context, Mode::training, shard.loss_scale);
    objective(model, tape, shard);
    tape.backward();
  };
}

/// Where a team has the gradient of a parameter that must be dense: a function of its entry.
template <class Team>
auto dense_gradients(Team& team) {
  return [&team](const ParameterEntry& entry) {
    return team.dense_gradient(entry.block).row_range(entry.offset - entry.block.offset, entry.size());
  };
}

/// Sums what the slots have, and hands the gradients of composed parameters on.
template <class Team, class Model>
void conclude_gradients(Team& team, Model& model) {
  team.reduce();
  model.parameters().hand_on_gradients(team.context(), dense_gradients(team));
}

/// The loss of a batch, in team.loss(), and its gradient, in team.step_gradients().
/// @param seed, step  choose the dropout masks
template <class Team, class Model, class Objective, class HostBatch>
void sum_gradients(Team& team, Model& model, const Objective& objective, const HostBatch& batch, std::uint64_t seed,
                   std::uint64_t step) {
  team.run_step(seed, step, batch, shard_gradients(model, objective));
  conclude_gradients(team, model);
}

/// The same with the loss read to the host, which waits for it.
template <class Team, class Model, class Objective, class HostBatch>
double compute_gradients(Team& team, Model& model, const Objective& objective, const HostBatch& batch,
                         std::uint64_t seed, std::uint64_t step) {
  sum_gradients(team, model, objective, batch, seed, step);
  return team.context().loss();
}

/// The same of several batches as if they were one (gradient accumulation): their loss scales must be those of the
/// whole. Only one of them needs memory at a time.
/// @param make_batch    make_batch(i) returns batch i, which may end with the next call
/// @param first_number  of the first batch, chooses its masks; those of batch i are first_number + i's
template <class Team, class Model, class Objective, class MakeBatch>
void accumulate_gradients(Team& team, Model& model, const Objective& objective, index_t batches, MakeBatch&& make_batch,
                          std::uint64_t seed, std::uint64_t first_number) {
  for (index_t i = 0; i < batches; ++i) {
    const std::uint64_t number = first_number + static_cast<std::uint64_t>(i);
    if (i == 0)
      team.run_step(seed, number, make_batch(i), shard_gradients(model, objective));
    else
      team.run_further(seed, number, make_batch(i), shard_gradients(model, objective));
  }
  conclude_gradients(team, model);
}

/// @throws NonFiniteError naming the step and the first parameter that is not finite
template <class Context>
void check_finite(Context& context, const ParameterStore<Context>& parameters, std::uint64_t step) {
  if (std::isfinite(squares_of(context, parameters.values()))) return;
  if (const ParameterEntry* const bad = first_not_finite<Context>(context, parameters.entries(), parameters.values(),
                                                                  [](const auto&) { return true; }))
    throw NonFiniteError(concatenate("step ", step, ": ", bad->name,
                                     " is not finite; hint: lower the learning rate or clip the gradient's norm"));
}

/// The end of a training step: clipping, the optimiser's update, and that of statistics and composed parameters. All of
/// it is work for the team; what became of it is in optimizer.state(), for the host to read when it likes.
/// @param ranges    of model.parameters()   @param step counted from 0
/// @param clip_norm limit of the gradient's norm; 0 for none
template <class Team, class Model, class AnAlgorithm>
void apply_gradients(Team& team, Model& model, const ParameterRanges& ranges,
                     Optimizer<typename Model::Context, AnAlgorithm>& optimizer, double learning_rate, double clip_norm,
                     std::uint64_t step) {
  using Context = typename Model::Context;
  ParameterStore<Context>& parameters = model.parameters();
  auto& state = optimizer.state();
  state.begin({step, optimizer.steps() + 1, learning_rate, clip_norm}, team.context().stream());
  finish_gradients<Context>(team.context(), ranges, team.step_gradients(), team.loss(), state);
  optimizer.step(team, ranges, parameters.values(), team.step_gradients());
  parameters.update_statistics(team.context(), dense_gradients(team), ranges, state.outcome());
  parameters.compose(team.context());
}

/// What became of the step that apply_gradients ended, read to the host.
/// @throws NonFiniteError naming the step and the first parameter concerned; model and optimiser are as before the step
template <class Team, class Model, class AnAlgorithm>
StepOutcome outcome_of_step(Team& team, const Model& model, const ParameterRanges& ranges,
                            Optimizer<typename Model::Context, AnAlgorithm>& optimizer) {
  using Context = typename Model::Context;
  const auto stream = team.context().stream();
  const StepOutcome outcome = optimizer.state().read(stream);
  if (outcome.is_good()) return outcome;
  optimizer.state().reset(stream);
  optimizer.resume(optimizer.steps() - 1);
  const auto& entries = model.parameters().entries();
  const auto is_trained = [&](const ParameterEntry& entry) { return !ranges.is_frozen(entry); };
  if (const auto* const bad = first_not_finite<Context>(team.context(), entries, team.step_gradients(), is_trained))
    throw NonFiniteError(concatenate("step ", outcome.first_bad_step, ": the gradient of ", bad->name,
                                     " is not finite, the loss is ", outcome.loss,
                                     "; hint: lower the learning rate or clip the gradient's norm"));
  throw NonFiniteError(concatenate("step ", outcome.first_bad_step, ": the loss is ", outcome.loss,
                                   ", before the update of ", entries.front().name, "; expected a finite number"));
}

/// One training step: forward, backward, clipping, update.
/// @param step counted from 0   @param clip_norm limit of the gradient's norm; 0 for none
/// @return what became of it: loss, norm
/// @throws NonFiniteError naming the step and the first parameter concerned; the model is left as it was
template <class Team, class Model, class Objective, class HostBatch, class AnAlgorithm>
StepOutcome training_step(Team& team, Model& model, const ParameterRanges& ranges, const Objective& objective,
                          Optimizer<typename Model::Context, AnAlgorithm>& optimizer, const HostBatch& batch,
                          double learning_rate, double clip_norm, std::uint64_t seed, std::uint64_t step) {
  return team.context().gather([&] {
    sum_gradients(team, model, objective, batch, seed, step);
    apply_gradients(team, model, ranges, optimizer, learning_rate, clip_norm, step);
    return outcome_of_step(team, model, ranges, optimizer);
  });
}

}  // namespace seqrec
