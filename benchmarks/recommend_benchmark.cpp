// SPDX-License-Identifier: Apache-2.0
// What one request costs a server: the K best items after a history of L, one core, by the function and by a
// Recommender that keeps its buffers, alone and among others; beside the part of it that scores the catalogue and
// picks.

#include "harness.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/serve/recommend.hpp"
#include "seqrec/serve/recommender.hpp"

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
  for (auto _ : state) {
    const auto offers = seqrec::recommend(model, context, history, wanted, history);
    benchmark::DoNotOptimize(offers.data());
  }
}

void recommend_together(benchmark::State& state) {
  const auto model = make_model(64);
  const std::vector<item_t> history = make_history(state.range(0));
  seqrec::Recommender<seqrec::SasRec<Context>> server(model, {.team = {.threads = 1}});
  const std::vector<seqrec::RecommendRequest> requests(static_cast<std::size_t>(state.range(1)),
                                                       {history, wanted, history});
  for (auto _ : state) {
    const auto answers = server.recommend(requests);
    benchmark::DoNotOptimize(answers.data());
  }
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
  for (auto _ : state) {
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
