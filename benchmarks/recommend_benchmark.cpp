// SPDX-License-Identifier: Apache-2.0
// What one request costs a server: the K best items after a history of L, one core, beside the part of it that scores
// the catalogue and picks.

#include "harness.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/serve/recommend.hpp"

namespace {

using namespace benchmarks;

constexpr index_t wanted = 10;

seqrec::SasRec<Context> make_model(index_t width) {
  return seqrec::SasRec<Context>({.items = movielens_1m::items, .width = width, .max_length = 200, .seed = 1});
}

void recommend(benchmark::State& state) {
  const auto model = make_model(state.range(1));
  Context context;
  std::vector<item_t> history;
  for (index_t i = 0; i < state.range(0); ++i) history.push_back(static_cast<item_t>((i * 7919) % movielens_1m::items));
  for (auto _ : state) {
    const auto offers = seqrec::recommend(model, context, history, wanted, history);
    benchmark::DoNotOptimize(offers.data());
  }
}

void score_and_pick(benchmark::State& state) {
  const auto model = make_model(state.range(0));
  Context context;
  const Matrix query = random_matrix(1, state.range(0), 1);
  seqrec::Tensor<item_t, 2, HostSpace> items(1, wanted);
  Matrix scores(1, wanted);
  for (auto _ : state) {
    context.begin_shard();
    seqrec::ops::top_k(context, seqrec::TopK<Context>{
                                    query.view(), {model.item_head().table->view()}, {}, items.view(), scores.view()});
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
BENCHMARK(score_and_pick)
    ->Name("recommend/score_and_pick/cpu/f32")
    ->ArgName("D")
    ->Arg(64)
    ->Unit(benchmark::kMicrosecond);

}  // namespace
