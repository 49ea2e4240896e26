// SPDX-License-Identifier: Apache-2.0
// A whole SASRec training step: forward, loss, backward, sum over slots, Adam; and the making of its batch.
// What stands beside it is PyTorch: `./benchmarks/run --peers`.

#include "harness.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "seqrec/optim/adam.hpp"
#include "seqrec/train/step.hpp"

namespace {

using namespace benchmarks;

/// Six D x D products a row and block, a score and a weighted sum for every causal pair; backward costs twice forward.
double operations(const Workload& load, double width, double blocks, double scored_items) {
  const auto rows = static_cast<double>(load.rows());
  const double forward = blocks * (12 * width * width * rows + 4 * width * load.causal_pairs());
  return 3 * (forward + 2 * width * scored_items * rows);
}

void step(benchmark::State& state, const seqrec::NextItem& objective, double scored_items) {
  const Workload& load = workload(state.range(0), state.range(1));
  seqrec::SasRec<Context> model(
      {.items = movielens_1m::items, .width = state.range(2), .max_length = state.range(1), .seed = 1});
  const seqrec::ParameterRanges ranges(model.parameters());
  seqrec::cpu::Team team(model.parameters().size(), {.threads = static_cast<int>(state.range(3))});
  seqrec::Optimizer<Context, seqrec::Adam> optimizer(model.parameters().size(), seqrec::Adam{});
  const auto train = [&] {
    return seqrec::training_step(team, model, ranges, objective, optimizer, load.batch, 1e-3, 0, 1, optimizer.steps())
        .loss;
  };
  const double first = train();
  for (int i = 0; i < 3; ++i) train();
  if (!(train() < first)) return state.SkipWithError("the loss of one batch, trained on again and again, must fall");
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(train());
  report(state,
         {static_cast<double>(load.rows()), operations(load, static_cast<double>(state.range(2)), 2, scored_items)},
         static_cast<int>(state.range(3)));
}

void bce(benchmark::State& state) { step(state, {.loss = seqrec::BinaryCrossEntropy{}}, 2); }
void softmax(benchmark::State& state) {
  step(state, {.loss = seqrec::FullSoftmax{}}, static_cast<double>(movielens_1m::items));
}

/// The batcher's part: shuffling, packing, sampling, inverse indices.
void make_batch(benchmark::State& state) {
  const Workload& load = workload(state.range(0), state.range(1));
  seqrec::Batcher batcher(load.split, {.batch_size = state.range(0), .max_length = state.range(1), .seed = 1});
  index_t next = 0;
  double rows = 0;
  for ([[maybe_unused]] auto _ : state) {
    rows += static_cast<double>(
        batcher.make(next / batcher.steps_per_epoch(), next % batcher.steps_per_epoch()).num_targets());
    ++next;
  }
  state.counters["rows/s"] = benchmark::Counter(rows, benchmark::Counter::kIsRate);
}

void sizes(benchmark::internal::Benchmark* entry) {
  entry->ArgNames({"B", "L", "D", "threads"})->Unit(benchmark::kMillisecond)->UseRealTime();
  for (const int threads : {1, 2}) entry->Args({128, 200, 64, threads})->Args({128, 50, 64, threads});
}

BENCHMARK(bce)->Name("training_step/sasrec/bce/cpu/f32")->Apply(sizes);
BENCHMARK(softmax)->Name("training_step/sasrec/softmax/cpu/f32")->Apply(sizes);
BENCHMARK(make_batch)
    ->Name("training_step/make_batch")
    ->ArgNames({"B", "L"})
    ->Args({128, 200})
    ->Args({128, 50})
    ->Unit(benchmark::kMicrosecond);

}  // namespace
