// SPDX-License-Identifier: Apache-2.0
// One step of lazy Adam over the rows that a batch has touched, R of a table's V, beside plain loops over the same
// rows: what it costs must not follow V. And a whole SASRec training step, batch included, over small and large
// catalogues.

#include <algorithm>
#include <cmath>
#include <span>

#include "harness.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "seqrec/optim/adam.hpp"
#include "seqrec/train/step.hpp"

namespace {

using namespace benchmarks;

class LazyAdam {
 public:
  explicit LazyAdam(const benchmark::State& state)
      : gradients_(random_matrix(state.range(1), state.range(2), 1)),
        values_(random_matrix(state.range(0), state.range(2), 2)),
        mean_(state.range(0), state.range(2)),
        square_(state.range(0), state.range(2)),
        expected_values_(random_matrix(state.range(0), state.range(2), 2)),
        expected_mean_(state.range(0), state.range(2)),
        expected_square_(state.range(0), state.range(2)) {
    state_.begin({.update = 10, .learning_rate = 1e-3});
    for (index_t i = 0; i < state.range(1); ++i)
      rows_.push_back(static_cast<item_t>(i * (state.range(0) / state.range(1))));
  }

  index_t pieces() const { return 1; }
  void run(index_t) {
    const auto flat = [](auto view) { return seqrec::VectorView<float, HostSpace>(view.data, view.size()); };
    seqrec::ops::optimizer_step(context_, seqrec::OptimizerStep<Context, seqrec::Adam>{
                                              .runs = {{.values = flat(values_.view()),
                                                        .gradients = flat(gradients_.view()),
                                                        .states = {flat(mean_.view()), flat(square_.view())},
                                                        .rows = {rows_.data(), std::ssize(rows_)},
                                                        .row_width = values_.columns(),
                                                        .moves_all = false}},
                                              .inputs = state_.inputs(),
                                              .outcome = state_.outcome(),
                                              .update = seqrec::Adam{}});
  }
  void baseline(index_t) {
    const auto beta1 = static_cast<float>(rule_.beta1), beta2 = static_cast<float>(rule_.beta2);
    const auto step_size = static_cast<float>(rule_.step_size), epsilon = static_cast<float>(rule_.epsilon);
    const auto inverse_root = static_cast<float>(rule_.inverse_root);
    for (index_t i = 0; i < gradients_.rows(); ++i)
      for (index_t d = 0; d < gradients_.columns(); ++d) {
        const index_t row = rows_[static_cast<std::size_t>(i)];
        const float g = gradients_.view()(i, d);
        float& mean = expected_mean_.view()(row, d);
        float& square = expected_square_.view()(row, d);
        mean = beta1 * mean + (1 - beta1) * g;
        square = beta2 * square + (1 - beta2) * g * g;
        expected_values_.view()(row, d) -= step_size * mean / (std::sqrt(square) * inverse_root + epsilon);
      }
  }
  std::vector<Result> results() const { return {{elements(values_), elements(expected_values_)}}; }
  Cost cost() const { return {static_cast<double>(gradients_.rows()), 0}; }

 private:
  Context context_;
  seqrec::StepState<seqrec::HostSpace> state_;
  seqrec::Adam::Rule rule_ = seqrec::Adam{}.rule(1e-3, 10);
  std::vector<item_t> rows_;
  Matrix gradients_, values_, mean_, square_, expected_values_, expected_mean_, expected_square_;
};

const bool registered = compare<LazyAdam>("optimizer_step/lazy_adam", "plain_loops", {"V", "R", "D"},
                                          {{10000, 2500, 64}, {200000, 2500, 64}});

/// Draws items of a catalogue uniformly.
struct AnyItem {
  seqrec::RandomStream& random;
  std::uint32_t items;

  void draw(index_t, seqrec::MatrixView<item_t, HostSpace> negatives) {
    for (index_t row = 0; row < negatives.rows(); ++row) negatives(row, 0) = static_cast<item_t>(random.below(items));
  }
  void draw_in_batch(std::span<const index_t>, std::span<const seqrec::offset_t>,
                     seqrec::MatrixView<item_t, HostSpace>) {}
  void draw_shared(seqrec::VectorView<item_t, HostSpace>) {}
  void choose(std::span<const item_t>, seqrec::VectorView<item_t, HostSpace>) {}
};

/// A step with lazy rows over V items: 128 users with histories as short as those of Amazon's reviews.
void step(benchmark::State& state) {
  const index_t items = state.range(0);
  seqrec::RandomStream random(1, seqrec::Purpose::synthetic_data, 0);
  std::vector<std::vector<item_t>> events(128);
  std::vector<seqrec::TrainingUser> users;
  for (auto& of_user : events) {
    of_user.resize(5);
    while (of_user.size() < 51 && random.below(100) >= 11) of_user.push_back(0);  // 8 more on average
    for (item_t& item : of_user) item = static_cast<item_t>(random.below(static_cast<std::uint32_t>(items)));
    const std::span<const item_t> all(of_user);
    users.push_back({std::ssize(users), all.first(all.size() - 1), all.last(all.size() - 1)});
  }
  const seqrec::NextItem objective{.loss = seqrec::BinaryCrossEntropy{}};
  seqrec::HostTrainingBatch batch({.num_items = items, .max_length = 50}, objective.plan(), 50);
  seqrec::SasRec<Context> model({.items = items, .width = 64, .max_length = 50, .seed = 1});
  const seqrec::ParameterRanges ranges(model.parameters());
  seqrec::cpu::Team team(model.parameters().size(), {.threads = static_cast<int>(state.range(1))});
  seqrec::Optimizer<Context, seqrec::Adam> optimizer(model.parameters().size(), {}, seqrec::TableRows::lazy);
  const auto train = [&] {
    batch.pack(users, AnyItem{random, static_cast<std::uint32_t>(items)});
    return seqrec::training_step(team, model, ranges, objective, optimizer, batch, 1e-3, 0, 1, optimizer.steps()).loss;
  };
  const double first = train();
  for (int i = 0; i < 30; ++i) train();
  if (!(train() < first)) return state.SkipWithError("the loss of users, trained on again and again, must fall");
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(train());
  report(state, {static_cast<double>(batch.num_targets()), 0});
}

BENCHMARK(step)
    ->Name("training_step/sasrec/bce/lazy_rows/cpu/f32")
    ->ArgNames({"V", "threads"})
    ->ArgsProduct({{10000, 1000000}, {1, 2}})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
