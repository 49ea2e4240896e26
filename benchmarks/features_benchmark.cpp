// SPDX-License-Identifier: Apache-2.0
// Explicit features of C candidates of one moment: 500 are a request, 21 what trees are trained on for an event.
// Made-up events of the size of MovieLens 100K; a run takes the next user's moment. Rows are candidates. Beside it the
// part that only scores the catalogue by both kinds of neighbours.

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "harness.hpp"
#include "seqrec/features/feature_rows.hpp"

namespace {

using namespace benchmarks;

constexpr index_t users = 943, items = 1682, genres = 18;

/// Histories of 20 to 737 events, half of them longer than 65, of items of which some are far more popular.
seqrec::Split make_split() {
  seqrec::Interactions rows;
  seqrec::RandomStream random(1, seqrec::Purpose::synthetic_data, 0);
  for (index_t user = 0; user < users; ++user) {
    const auto length = static_cast<index_t>(std::clamp(65 * std::exp(random.normal()), 20.0, 737.0));
    std::int64_t time = 874'724'710 + random.below(18'000'000);
    for (index_t event = 0; event < length; ++event, time += random.below(60)) {
      const double place = random.uniform();
      rows.add(user, static_cast<index_t>(static_cast<double>(items) * place * place), time);
      rows.ratings.push_back(static_cast<float>(1 + random.below(5)));
    }
  }
  seqrec::Dataset data = seqrec::build_dataset("made up", rows);
  std::vector<std::vector<std::string>> categories;
  for (index_t item = 0; item < data.num_items(); ++item) {
    data.titles.push_back("Film" + std::to_string(item) + " (" + std::to_string(1930 + item % 69) + ")");
    categories.push_back(
        {"genre=" + std::to_string(random.below(genres)), "genre=" + std::to_string(random.below(genres))});
  }
  data.item_features = seqrec::make_feature_table(categories);
  return seqrec::leave_one_out(std::move(data));
}

/// Made once for all sizes.
struct Films {
  seqrec::Split split = make_split();
  seqrec::ExplicitFeatures features{split};
};
const Films& films() {
  static const Films made;
  return made;
}

std::vector<item_t> make_candidates(index_t count) {
  std::vector<item_t> candidates;
  for (index_t i = 0; i < count; ++i)
    candidates.push_back(static_cast<item_t>(i * 7919 % films().features.num_items()));
  return candidates;
}

void features_of_a_moment(benchmark::State& state) {
  const auto& [split, features] = films();
  const std::vector<item_t> candidates = make_candidates(state.range(0));
  std::vector<float> rows(candidates.size() * static_cast<std::size_t>(features.schema().size()));
  seqrec::FeatureWorkspace workspace(features);
  index_t user = 0;
  for ([[maybe_unused]] auto _ : state) {
    features.rows(moment_of(split.test, user), candidates, rows, workspace);
    user = (user + 1) % split.test.size();
    benchmark::DoNotOptimize(rows.data());
  }
  report(state, {static_cast<double>(state.range(0)), 0});
}

void neighbours_alone(benchmark::State& state) {
  const auto& [split, features] = films();
  std::vector<double> scores(static_cast<std::size_t>(features.num_items()));
  index_t user = 0;
  for ([[maybe_unused]] auto _ : state) {
    features.facts().transition_knn.score(split.test.history(user), scores);
    features.facts().item_knn.score(split.test.history(user), scores);
    user = (user + 1) % split.test.size();
    benchmark::DoNotOptimize(scores.data());
  }
  report(state, {static_cast<double>(state.range(0)), 0});
}

/// Rows for training, on two threads: the target and 20 others of every test event.
void features_of_all(benchmark::State& state) {
  const auto& [split, features] = films();
  std::vector<index_t> offsets{0};
  std::vector<item_t> candidates;
  for (index_t i = 0; i < split.test.size(); ++i) {
    const std::vector<item_t> list = make_candidates(state.range(0));
    candidates.insert(candidates.end(), list.begin(), list.end());
    offsets.push_back(std::ssize(candidates));
  }
  std::vector<float> rows(candidates.size() * static_cast<std::size_t>(features.schema().size()));
  const auto moment_at = [&held_out = split.test](index_t i) { return moment_of(held_out, i); };
  for ([[maybe_unused]] auto _ : state) {
    feature_rows(features, offsets, candidates, moment_at, rows, 2);
    benchmark::DoNotOptimize(rows.data());
  }
  report(state, {static_cast<double>(candidates.size()), 0});
}

const bool registered = [] {
  benchmark::RegisterBenchmark("features/cpu", features_of_a_moment)->ArgName("C")->Arg(21)->Arg(500);
  benchmark::RegisterBenchmark("features/neighbours_alone", neighbours_alone)->ArgName("C")->Arg(500);
  benchmark::RegisterBenchmark("features/two_threads", features_of_all)->ArgName("C")->Arg(21)->UseRealTime();
  return true;
}();

}  // namespace
