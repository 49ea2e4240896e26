// SPDX-License-Identifier: Apache-2.0
#include <cuda_profiler_api.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "../shapes.hpp"
#include "seqrec/cuda.cuh"
#include "seqrec/data/batches/to_space.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/models/gru4rec.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/objectives/click.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "seqrec/optim/adam.hpp"
#include "seqrec/train/step.hpp"
#include "steps.hpp"

namespace benchmarks {
namespace {

using seqrec::index_t;
using Context = seqrec::cuda::Context;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

template <class Work>
double milliseconds(Work work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

/// @throws std::runtime_error where the loss of one batch, trained on again and again, does not fall
template <class Model, class Objective>
Step measure(const std::string& name, Model model, const Objective& objective, index_t users, index_t max_length) {
  const seqrec::Split split = seqrec::leave_one_out(movielens_1m_like());
  seqrec::Batcher batcher(split, {.batch_size = users,
                                  .max_length = max_length,
                                  .plan = objective.plan(),
                                  .token_budget = seqrec::rows_of_shard<Context::Team>(256),
                                  .seed = 1});
  seqrec::BatchTarget<seqrec::DeviceSpace> target(batcher.constants());
  Context::Team team(model.parameters().size(), {.graphs = true});
  const seqrec::HostTrainingBatch& batch = batcher.make(0, 0);
  const auto placed = seqrec::to<seqrec::DeviceSpace>(batch, target, team.context().stream());
  const seqrec::ParameterRanges ranges(model.parameters());
  seqrec::Optimizer<Context, seqrec::Adam> optimizer(model.parameters().size(), seqrec::Adam{});

  bool in_graphs = false;
  const auto launch = [&] {
    seqrec::sum_gradients(team, model, objective, placed, 1, optimizer.steps());
    seqrec::apply_gradients(team, model, ranges, optimizer, 1e-3, /*clip_norm=*/0, optimizer.steps());
  };
  const auto launch_step = [&] { in_graphs ? team.context().gather(launch) : launch(); };
  const auto step = [&] {
    launch_step();
    return seqrec::outcome_of_step(team, model, ranges, optimizer).loss;
  };
  const double first = step();
  for (int i = 0; i < 10; ++i) step();
  if (!(step() < first)) throw std::runtime_error(name + ": the loss of one batch does not fall");

  SEQREC_CUDA_CHECK(cudaProfilerStart());
  launch_step();
  team.context().synchronize();
  SEQREC_CUDA_CHECK(cudaProfilerStop());

  constexpr int rounds = 15, steps = 20;
  StepTimes times[2];
  for (const bool graphs : {false, true}) {
    in_graphs = graphs;
    for (int i = 0; i < 3; ++i) step();
    std::vector<double> waits, runs_on;
    for (int round = 0; round < rounds; ++round) {
      waits.push_back(milliseconds([&] {
                        for (int i = 0; i < steps; ++i) step();
                      }) /
                      steps);
      runs_on.push_back(milliseconds([&] {
                          for (int i = 0; i < steps; ++i) launch_step();
                          team.context().synchronize();
                        }) /
                        steps);
    }
    times[graphs ? 1 : 0] = {median(waits), median(runs_on)};
  }
  return {name, batch.num_targets(), times[0], times[1]};
}

}  // namespace

void for_training_steps(const std::function<bool(const std::string&)>& wanted,
                        const std::function<void(const Step&)>& found) {
  constexpr index_t items = movielens_1m::items;
  const auto sasrec = [] {
    return seqrec::SasRec<Context>({.items = items, .width = 64, .max_length = 200, .seed = 1});
  };
  const auto try_step = [&](const std::string& name, const auto& model, const auto& objective, index_t users,
                            index_t max_length) {
    if (wanted(name)) found(measure(name, model(), objective, users, max_length));
  };
  const seqrec::BasicNextItem<seqrec::BinaryCrossEntropy> bce;
  for (const index_t users : {128, 512, 1024})
    try_step("SASRec, BCE, d64, 2 blocks, L200, B" + std::to_string(users), sasrec, bce, users, 200);
  try_step("SASRec, full softmax of 3,416 items, d64, L200, B128", sasrec, seqrec::BasicNextItem<seqrec::FullSoftmax>{},
           128, 200);
  try_step(
      "GRU4Rec, BCE, 100 units, L200, B128",
      [] {
        return seqrec::Gru4Rec<Context>({.items = items, .width = 100, .hidden = 100, .max_length = 200, .seed = 1});
      },
      bce, 128, 200);
  try_step(
      "DIN, 1 negative, d64, L50, B128",
      [] { return seqrec::Din<Context>({.items = items, .width = 64, .max_length = 50, .seed = 1}); }, seqrec::Click{},
      128, 50);
}

}  // namespace benchmarks
