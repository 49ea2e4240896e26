// SPDX-License-Identifier: Apache-2.0
// What trees cost a request: C candidates of D columns through T trees of 31 leaves (LightGBM), one thread. Scores of
// rows together and one by one, TreeSHAP contributions, and the decision paths of the strongest trees. Training shows
// first, a row being a row in a round.

#include <limits>
#include <map>
#include <memory>
#include <vector>

#include "harness.hpp"
#include "seqrec/core/random.hpp"
#include "seqrec/trees/lightgbm.hpp"

namespace {

using namespace benchmarks;

/// Groups of 21, as one event and twenty negatives; a tenth of all values is missing.
struct Rows {
  index_t columns;
  std::vector<double> values{};
  std::vector<float> labels{};
  std::vector<index_t> groups{};

  Rows(index_t count, index_t width) : columns(width) {
    seqrec::RandomStream random(1, seqrec::Purpose::synthetic_data, 0);
    for (index_t row = 0; row < count; ++row) {
      if (row % 21 == 0) groups.push_back(0);
      ++groups.back();
      double sum = 0;
      for (index_t c = 0; c < columns; ++c) {
        const double value = static_cast<double>(random.below(1'000'003)) / 1'000'003;
        sum += value;
        values.push_back(random.below(10) == 0 ? std::numeric_limits<double>::quiet_NaN() : value);
      }
      labels.push_back(row % 21 == 0 || sum > 0.55 * static_cast<double>(columns) ? 1.0f : 0.0f);
    }
  }

  seqrec::TreeRows<double> view(index_t count) const {
    return {std::span(values).first(static_cast<std::size_t>(count * columns)), columns};
  }
  seqrec::TreeData data(const seqrec::BoosterOptions& options) const {
    seqrec::TreeColumns names;
    for (index_t c = 0; c < columns; ++c) names.names.push_back("column_" + std::to_string(c));
    return {names, seqrec::TreeRows<double>{values, columns}, {labels, groups}, options};
  }
};

seqrec::Booster make_booster(const Rows& rows, index_t trees) {
  seqrec::BoosterOptions options;
  options.rounds = trees;
  options.threads = 2;
  return seqrec::train_booster(rows.data(options), nullptr, options).booster;
}

/// C, D, T of a benchmark, made once: training takes seconds.
struct Load {
  Rows rows;
  seqrec::Booster booster;

  static const Load& of(const benchmark::State& state) {
    static std::map<std::pair<index_t, index_t>, std::unique_ptr<Load>> known;
    std::unique_ptr<Load>& load = known[{state.range(1), state.range(2)}];
    if (!load) {
      Rows rows(40'000, state.range(1));
      seqrec::Booster booster = make_booster(rows, state.range(2));
      load = std::make_unique<Load>(Load{std::move(rows), std::move(booster)});
    }
    return *load;
  }
};

template <class Ask>
void ask(benchmark::State& state, Ask&& work) {
  const Load& load = Load::of(state);
  const index_t count = state.range(0);
  for ([[maybe_unused]] auto _ : state) work(load.booster, load.rows.view(count));
  report(state, {.rows = static_cast<double>(count)});
}

void scores(benchmark::State& state) {
  ask(state, [](const seqrec::Booster& booster, const seqrec::TreeRows<double>& rows) {
    benchmark::DoNotOptimize(booster.scores(rows).data());
  });
}
void scores_one_by_one(benchmark::State& state) {
  seqrec::RowScorer<double> scorer(Load::of(state).booster);
  ask(state, [&](const seqrec::Booster&, const seqrec::TreeRows<double>& rows) {
    for (index_t r = 0; r < rows.rows(); ++r) benchmark::DoNotOptimize(scorer(rows.row(r)));
  });
}
void contributions(benchmark::State& state) {
  ask(state, [](const seqrec::Booster& booster, const seqrec::TreeRows<double>& rows) {
    benchmark::DoNotOptimize(booster.contributions(rows).data());
  });
}
void paths(benchmark::State& state) {
  ask(state, [](const seqrec::Booster& booster, const seqrec::TreeRows<double>& rows) {
    for (index_t r = 0; r < rows.rows(); ++r)
      benchmark::DoNotOptimize(seqrec::strongest_paths(booster, rows.row(r), 3).data());
  });
}

void train(benchmark::State& state) {
  const Rows rows(state.range(0), state.range(1));
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(make_booster(rows, state.range(2)).text().data());
  report(state, {.rows = static_cast<double>(state.range(0) * state.range(2))}, 2);
}

[[maybe_unused]] const bool registered = [] {
  const std::vector<std::string> letters = {"C", "D", "T"};
  add("trees/scores/lightgbm", &scores, letters, {{1, 35, 300}, {10, 35, 300}, {500, 35, 300}});
  add("trees/scores_one_by_one/lightgbm", &scores_one_by_one, letters, {{1, 35, 300}, {500, 35, 300}});
  add("trees/contributions/lightgbm", &contributions, letters, {{1, 35, 300}, {10, 35, 300}});
  add("trees/paths/seqrec", &paths, letters, {{10, 35, 300}});
  add("trees/training/lightgbm/threads:2", &train, letters, {{40'000, 35, 50}});
  return true;
}();

}  // namespace
