// SPDX-License-Identifier: Apache-2.0
// What one request costs a server: the K best items after a history of L, one core, by the function and by a
// Recommender that keeps its buffers, alone and among others; beside the part of it that scores the catalogue and
// picks.

#include <memory>

#include "harness.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/models/gru4rec.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/serve/recommend.hpp"
#include "seqrec/serve/recommender.hpp"
#include "seqrec/serve/user_state.hpp"

namespace {

using namespace benchmarks;

constexpr index_t wanted = 10;

seqrec::SasRec<Context> make_model(index_t width) {
  return seqrec::SasRec<Context>({.items = movielens_1m::items, .width = width, .max_length = 200, .seed = 1});
}

std::vector<item_t> make_history(index_t length) {
  std::vector<item_t> history;
  for (index_t i = 0; i < length; ++i) history.push_back(static_cast<item_t>((i * 7919) % movielens_1m::items));
  return history;
}

void recommend(benchmark::State& state) {
  const auto model = make_model(state.range(1));
  Context context;
  const std::vector<item_t> history = make_history(state.range(0));
  for ([[maybe_unused]] auto _ : state) {
    const auto offers = seqrec::recommend(model, context, history, wanted, history);
    benchmark::DoNotOptimize(offers.data());
  }
}

/// One more event after some L: read on, or the whole history read anew.
template <class Model>
void next_event(benchmark::State& state, bool reads_on) {
  constexpr index_t events = 32;  // before the history is begun again, off the clock
  const index_t length = state.range(0);
  typename Model::Options options{.items = movielens_1m::items, .width = 64, .max_length = length + events, .seed = 1};
  if constexpr (requires { options.position_origin; }) options.position_origin = seqrec::PositionOrigin::start;
  const Model model(options);
  const seqrec::Recommender<Model> server(model, {.team = {.threads = 1}});
  const std::vector<item_t> history = make_history(length + events);
  std::vector<seqrec::Recommendation<float>> offers;
  if (!reads_on) {
    for ([[maybe_unused]] auto _ : state)
      benchmark::DoNotOptimize(server.recommend({std::span(history).first(static_cast<std::size_t>(length)), wanted}));
    return;
  }
  std::unique_ptr<seqrec::UserState<Model>> user;
  for ([[maybe_unused]] auto _ : state) {
    if (!user || user->size() == length + events) {
      state.PauseTiming();
      user = std::make_unique<seqrec::UserState<Model>>(server);
      for (index_t i = 0; i < length; ++i) user->append(history[static_cast<std::size_t>(i)]);
      state.ResumeTiming();
    }
    user->append(history[static_cast<std::size_t>(user->size())]);
    user->recommend(wanted, {}, offers);
  }
}

void next_event_of_sasrec(benchmark::State& state, bool reads_on) {
  next_event<seqrec::SasRec<Context>>(state, reads_on);
}
void next_event_of_gru(benchmark::State& state, bool reads_on) {
  next_event<seqrec::Gru4Rec<Context>>(state, reads_on);
}

void recommend_together(benchmark::State& state) {
  const auto model = make_model(64);
  const std::vector<item_t> history = make_history(state.range(0));
  seqrec::Recommender<seqrec::SasRec<Context>> server(model, {.team = {.threads = 1}});
  const std::vector<seqrec::RecommendRequest> requests(static_cast<std::size_t>(state.range(1)),
                                                       {history, wanted, history});
  for ([[maybe_unused]] auto _ : state) {
    const auto answers = server.recommend(requests);
    benchmark::DoNotOptimize(answers.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(1));
}

/// Candidates of one user, by a model that looks at the history through each of them.
void score_candidates(benchmark::State& state) {
  const seqrec::Din<Context> model({.items = movielens_1m::items,
                                    .width = 64,
                                    .max_length = 200,
                                    .attention_hidden = {80, 40},
                                    .hidden = {200, 80},
                                    .seed = 1});
  const std::vector<item_t> history = make_history(state.range(0)), candidates = make_history(state.range(1));
  const seqrec::Recommender<seqrec::Din<Context>> server(model,
                                                         {.team = {.threads = static_cast<int>(state.range(2))}});
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(server.score({history, candidates}));
  state.SetItemsProcessed(state.iterations() * state.range(1));
}

/// @param packed  whether the catalogue is laid out beforehand, as a Recommender has it
void score_and_pick(benchmark::State& state, bool packed) {
  const auto model = make_model(state.range(0));
  Context context;
  const Matrix query = random_matrix(1, state.range(0), 1);
  const seqrec::ItemHead<Context> table{model.item_head().table->view()};
  Vector memory(seqrec::ops::packed_items_size(context, table.items(), table.width()));
  seqrec::ops::pack_items(context, seqrec::PackItems<Context>{table.table, memory.view()});
  seqrec::ItemHead<Context> head = table;
  if (packed) head.packed = memory.view();
  seqrec::Tensor<item_t, 2, HostSpace> items(1, wanted);
  Matrix scores(1, wanted);
  for ([[maybe_unused]] auto _ : state) {
    context.begin_shard();
    seqrec::ops::top_k(context, seqrec::TopK<Context>{query.view(), head, {}, items.view(), scores.view()});
    benchmark::ClobberMemory();
  }
}

BENCHMARK(recommend)
    ->Name("recommend/sasrec/cpu/f32")
    ->ArgNames({"L", "D"})
    ->Args({1, 64})
    ->Args({50, 64})
    ->Args({200, 64})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(recommend_together)
    ->Name("recommend/together/sasrec/cpu/f32")
    ->ArgNames({"L", "users"})
    ->Args({50, 1})
    ->Args({200, 1})
    ->Args({50, 64})
    ->Args({200, 64})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(score_candidates)
    ->Name("score/din/cpu/f32")
    ->ArgNames({"L", "C", "threads"})
    ->Args({50, 500, 1})
    ->Args({50, 500, 2})
    ->Args({200, 500, 1})
    ->Args({200, 500, 2})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(next_event_of_sasrec, on, true)
    ->Name("recommend/next_event/sasrec/cpu/f32")
    ->ArgName("L")
    ->Arg(200)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(next_event_of_sasrec, anew, false)
    ->Name("recommend/read_anew/sasrec/cpu/f32")
    ->ArgName("L")
    ->Arg(200)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(next_event_of_gru, on, true)
    ->Name("recommend/next_event/gru4rec/cpu/f32")
    ->ArgName("L")
    ->Arg(200)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(next_event_of_gru, anew, false)
    ->Name("recommend/read_anew/gru4rec/cpu/f32")
    ->ArgName("L")
    ->Arg(200)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(score_and_pick, packed, true)
    ->Name("recommend/score_and_pick/packed/cpu/f32")
    ->ArgName("D")
    ->Arg(64)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(score_and_pick, table, false)
    ->Name("recommend/score_and_pick/cpu/f32")
    ->ArgName("D")
    ->Arg(64)
    ->Unit(benchmark::kMicrosecond);

}  // namespace
