// SPDX-License-Identifier: Apache-2.0
// Models trained on the CUDA backend, on the thread-block emulator or a GPU, follow the CPU step by step.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <type_traits>
#include <vector>

#include "cuda/device_support.hpp"
#include "data/small_datasets.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/cuda.cuh"
#include "seqrec/data/batches/batcher.hpp"
#include "seqrec/data/batches/to_space.hpp"
#include "seqrec/data/readers/load.hpp"
#include "seqrec/data/splits/session_split.hpp"
#include "seqrec/evaluate/evaluate_sessions.hpp"
#include "seqrec/io/checkpoint.hpp"
#include "seqrec/models/avg_pool.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/models/gru4rec.hpp"
#include "seqrec/models/hstu.hpp"
#include "seqrec/models/narm.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/objectives/click.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "seqrec/ops/session_losses.hpp"
#include "seqrec/optim/adam.hpp"
#include "seqrec/optim/optimizer.hpp"
#include "seqrec/serve/recommender.hpp"
#include "seqrec/train/session_trainer.hpp"
#include "seqrec/train/step.hpp"
#include "seqrec/train/trainer.hpp"
#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;

namespace {

/// What some steps of training leave behind.
struct Trained {
  std::vector<double> losses, norms, weights;
};

/// How a test trains.
struct How {
  int steps = 3;
  index_t users = 5, max_length = 6;  ///< of a batch
  Adam optimizer{};
  TableRows rows = TableRows::dense;
  ProductPrecision products = ProductPrecision::full;  ///< of the device
  bool graphs = false;                                 ///< the same
};

/// @tparam Made  Made::in<Context>(items, width) gives a model
template <class Context, class Made, class Objective>
Trained trained(const Split& split, const Objective& objective, const How& how, index_t width) {
  using Space = typename Context::Space;
  auto model = Made::template in<Context>(split.data->num_items(), width);
  BatchPlan plan = objective.plan();
  plan.times = true;
  Batcher batcher(split, {.batch_size = how.users,
                          .max_length = how.max_length,
                          .plan = plan,
                          .token_budget = rows_of_shard<typename Context::Team>(8),
                          .seed = 2});
  BatchTarget<Space> target(batcher.constants());
  typename Context::Team team(model.parameters().size(),
                              {.threads = 1, .products = how.products, .graphs = how.graphs});
  const ParameterRanges ranges(model.parameters());
  Optimizer<Context, Adam> optimizer(model.parameters().size(), how.optimizer, how.rows);
  Trained result;
  for (int i = 0; i < how.steps; ++i) {
    const auto& batch = batcher.make(i / batcher.steps_per_epoch(), i % batcher.steps_per_epoch());
    const StepOutcome outcome = training_step(team, model, ranges, objective, optimizer,
                                              to<Space>(batch, target, team.context().stream()), 0.01,
                                              /*clip_norm=*/0.1, /*seed=*/4, static_cast<std::uint64_t>(i));
    result.losses.push_back(outcome.loss);
    result.norms.push_back(outcome.gradient_norm);
  }
  for (const auto value : model.parameters().to_host()) result.weights.push_back(static_cast<double>(value));
  if constexpr (requires { team.context().graphs_made(); })
    CHECK((team.context().graphs_made() != 0) == how.graphs);  // by the second step, where kernels come again
  return result;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    REQUIRE(std::isfinite(a[i]));
    largest = std::max(largest, std::abs(a[i] - b[i]));
  }
  return largest;
}

/// Trains on both backends, in double: the same but for rounding.
template <class Made, class Objective>
void check_follows(const Split& split, const Objective& objective, const How& how, index_t width) {
  const Trained cpu = trained<cpu::BasicContext<double>, Made>(split, objective, how, width);
  const Trained device = trained<cuda::BasicContext<double>, Made>(split, objective, how, width);
  CHECK(largest_difference(cpu.losses, device.losses) < 1e-11);
  CHECK(largest_difference(cpu.norms, device.norms) < 1e-11);
  CHECK(largest_difference(cpu.weights, device.weights) < 1e-9);
  CHECK(cpu.losses.front() != cpu.losses.back());
}

/// A few short histories.
Split short_histories() {
  Dataset data = seqrec_test::random_dataset(9, 12, 4, 7);
  for (std::int64_t i = 0; i < data.num_interactions(); ++i) data.times.push_back(1000 * i * i);
  return leave_one_out(data);
}

/// On a few short histories.
template <class Made, class Objective>
void check_follows(const Objective& objective, const How& how = {}) {
  check_follows<Made>(short_histories(), objective, how, 6);
}

/// Trains on the device by single launches and by graphs, and expects the same bits.
template <class Made, class Objective>
void check_same_in_graphs(const Objective& objective, How how = {}) {
  using Context = cuda::BasicContext<double>;
  const Split split = short_histories();
  how.steps = 5;
  const Trained single = trained<Context, Made>(split, objective, how, 6);
  how.graphs = true;
  const Trained in_graphs = trained<Context, Made>(split, objective, how, 6);
  CHECK(seqrec_test::same_bits(single.losses, in_graphs.losses));
  CHECK(seqrec_test::same_bits(single.norms, in_graphs.norms));
  CHECK(seqrec_test::same_bits(single.weights, in_graphs.weights));
}

/// On MovieLens-100K, where $SEQREC_DATA has it: ten steps, or as many as $SEQREC_DEVICE_STEPS says.
template <class Made, class Objective>
void check_follows_on_movielens(const Objective& objective) {
  const char* const folder = std::getenv("SEQREC_DATA");         // NOLINT(concurrency-mt-unsafe): one thread
  const char* const steps = std::getenv("SEQREC_DEVICE_STEPS");  // NOLINT(concurrency-mt-unsafe): the same
  const std::filesystem::path path = std::filesystem::path(folder == nullptr ? "" : folder) / "ml-100k";
  if (folder == nullptr || !exists(path)) {
    WARN("skipped: SEQREC_DATA has no ml-100k");
    return;
  }
  const Dataset data = load_dataset(path);
  check_follows<Made>(leave_one_out(data), objective,
                      {.steps = steps == nullptr ? 10 : std::stoi(steps), .users = 6, .max_length = 12}, 16);
}

struct AnAvgPool {
  template <class Context>
  static auto in(index_t items, index_t width) {
    return AvgPool<Context>({.items = items, .width = width, .dropout = 0.2, .recency_weights = true, .seed = 3});
  }
};

struct AGru4Rec {
  template <class Context>
  static auto in(index_t items, index_t width) {
    return Gru4Rec<Context>(
        {.items = items, .width = width, .hidden = width + 1, .layers = 2, .dropout = 0.2, .seed = 3});
  }
};

struct ANarm {
  template <class Context>
  static auto in(index_t items, index_t width) {
    return Narm<Context>(
        {.items = items, .width = width, .hidden = width + 1, .dropout = 0.2, .state_dropout = 0.3, .seed = 3});
  }
};

struct ASasRec {
  template <class Context>
  static auto in(index_t items, index_t width) {
    return SasRec<Context>(
        {.items = items, .width = width, .blocks = 2, .heads = 2, .max_length = 12, .dropout = 0.2, .seed = 3});
  }
};

/// The second block's feed-forward network is a mixture of experts.
struct ASasRecOfExperts {
  template <class Context>
  static auto in(index_t items, index_t width) {
    return SasRec<Context>({.items = items,
                            .width = width,
                            .blocks = 2,
                            .max_length = 12,
                            .dropout = 0.2,
                            .seed = 3,
                            .moe = {.experts = 4, .top_k = 2, .shared_experts = 1}});
  }
};

struct AnHstu {
  template <class Context>
  static auto in(index_t items, index_t width) {
    return Hstu<Context>(
        {.items = items, .width = width, .blocks = 1, .heads = 2, .max_length = 12, .dropout = 0.2, .seed = 3});
  }
};

template <bool softmax>
struct ADin {
  template <class Context>
  static auto in(index_t items, index_t width) {
    return Din<Context>({.items = items,
                         .width = width,
                         .max_length = 12,
                         .attention_hidden = {5, 3},
                         .attention_activation = softmax ? Activation::prelu : Activation::dice,
                         .attention_softmax = softmax,
                         .attention_heads = 2,
                         .recency_bias = softmax,
                         .hidden = {6},
                         .activation = softmax ? Activation::prelu : Activation::dice,
                         .seed = 3});
  }
};

}  // namespace

TEST_CASE("training on a device: AvgPool follows the CPU", "[train][cuda]") {
  check_follows<AnAvgPool>(BasicNextItem<BinaryCrossEntropy>{});
  check_follows<AnAvgPool>(
      BasicNextItem<SampledSoftmax>{.loss = {}, .negatives = 3, .sharing = NegativeSharing::per_user},
      {.optimizer = {.weight_decay = 0.1}, .rows = TableRows::lazy});
}

TEST_CASE("training on a device: GRU4Rec follows the CPU", "[train][cuda]") {
  check_follows<AGru4Rec>(BasicNextItem<BinaryCrossEntropy>{});
  check_follows_on_movielens<AGru4Rec>(BasicNextItem<BinaryCrossEntropy>{});
  check_follows<AGru4Rec>(BasicNextItem<BprMax>{.loss = BprMax{.elu = 0.5},
                                                .negatives = 4,
                                                .sampling = {.reject_seen = false},
                                                .sharing = NegativeSharing::per_batch});
}

TEST_CASE("training on a device: NARM follows the CPU", "[train][cuda]") {
  check_follows<ANarm>(BasicNextItem<Bpr>{.loss = {}, .negatives = 2});
  check_follows_on_movielens<ANarm>(BasicNextItem<Bpr>{});
}

TEST_CASE("training on a device: DIN follows the CPU", "[train][cuda]") {
  check_follows<ADin<true>>(Click{});
  check_follows_on_movielens<ADin<true>>(Click{});
  check_follows<ADin<false>>(Click{.negatives = 3, .sharing = NegativeSharing::in_batch, .correct_sampling = true});
}

TEST_CASE("training on a device: SASRec follows the CPU", "[train][cuda]") {
  check_follows<ASasRec>(BasicNextItem<BinaryCrossEntropy>{});
  check_follows<ASasRec>(BasicNextItem<FullSoftmax>{});
  check_follows<ASasRecOfExperts>(BasicNextItem<BinaryCrossEntropy>{});
  check_follows_on_movielens<ASasRec>(BasicNextItem<BinaryCrossEntropy>{});
}

TEST_CASE("training on a device: with products in bfloat16 SASRec stays close to the CPU", "[train][cuda]") {
  const Split split = short_histories();
  const BasicNextItem<FullSoftmax> objective{};
  const Trained cpu = trained<cpu::BasicContext<double>, ASasRec>(split, objective, {}, 6);
  const Trained device = trained<cuda::Context, ASasRec>(split, objective, {.products = ProductPrecision::bf16}, 6);
  const double off = largest_difference(cpu.losses, device.losses) / cpu.losses.front();
  CHECK(off < 2e-2);
  CHECK(off > 1e-6);  // it was bfloat16
  CHECK(largest_difference(cpu.norms, device.norms) < 5e-2 * cpu.norms.front());
}

TEST_CASE("training on a device: HSTU follows the CPU", "[train][cuda]") {
  check_follows<AnHstu>(BasicNextItem<FullSoftmax>{.loss = FullSoftmax{.leave_out_seen = true}});
}

TEST_CASE("training on a device: graphs of launches do what the launches do", "[train][cuda]") {
  check_same_in_graphs<ASasRec>(BasicNextItem<BinaryCrossEntropy>{});
  check_same_in_graphs<AGru4Rec>(BasicNextItem<FullSoftmax>{}, {.rows = TableRows::lazy});
  check_same_in_graphs<ADin<false>>(Click{});
}

TEST_CASE("training on a device: a step touches the rows of its batch, not the table", "[train][cuda]") {
  using Context = cuda::BasicContext<double>;
  const Dataset data = seqrec_test::random_dataset(9, 12, 4, 7);
  const Split split = leave_one_out(data);
  auto model = ASasRec::in<Context>(1000, 4);  // of which the data has 12
  const BasicNextItem<BinaryCrossEntropy> objective{};
  Batcher batcher(split, {.batch_size = 5,
                          .max_length = 6,
                          .plan = objective.plan(),
                          .token_budget = rows_of_shard<Context::Team>(8),
                          .seed = 2});
  BatchTarget<DeviceSpace> target(batcher.constants());
  Context::Team team(model.parameters().size());
  const auto& batch = batcher.make(0, 0);
  sum_gradients(team, model, objective, to<DeviceSpace>(batch, target, team.context().stream()), 4, 0);
  int tables = 0;
  for (const ParameterEntry& entry : model.parameters().entries()) {
    if (entry.name != "item_embedding.weight") continue;
    ++tables;
    const auto gradient = team.step_gradients().of(entry.elements());
    CHECK_FALSE(gradient.dense);
    CHECK(gradient.rows.size() > 3);
    CHECK(gradient.rows.size() <= 12);
    CHECK(gradient.sums.rows() == gradient.rows.size());
  }
  CHECK(tables == 1);
}

TEST_CASE("training on a device: the trainer, its validation and its best weights", "[train][cuda]") {
  const Dataset data = seqrec_test::random_dataset(9, 12, 4, 7);
  const Split split = leave_one_out(data);
  const TrainerOptions options{
      .epochs = 3, .batch_size = 4, .ema_decay = 0.5, .seed = 5, .team = {.threads = 1}, .log = nullptr};
  const auto fitted = [&]<class Context>(Context*) {
    auto model = ASasRec::in<Context>(12, 4);
    TrainerOptions of_context = options;
    of_context.team.graphs = std::is_same_v<typename Context::Space, DeviceSpace>;
    Trainer(of_context).fit(model, split, NextItem{.loss = FullSoftmax{}});
    const Evaluation found = evaluate(model, split.test, {.top_k = {2, 5}});
    std::vector<double> numbers = {found["ndcg@5"], found["hr@2"]};
    for (const auto value : model.parameters().to_host()) numbers.push_back(static_cast<double>(value));
    return numbers;
  };
  cpu::BasicContext<double>* const host = nullptr;
  cuda::BasicContext<double>* const device = nullptr;
  CHECK(largest_difference(fitted(host), fitted(device)) < 1e-9);
}

TEST_CASE("training on a device: sessions in lanes that carry their states", "[train][cuda]") {
  const Split split = session_split(seqrec_test::random_dataset(12, 9, 5, 3));
  TrainerOptions options = session_trainer_options();
  options.epochs = 1;
  options.batch_size = 4;
  options.team = {.threads = 1};
  options.log = nullptr;
  const auto fitted = [&]<class Context>(Context*) {
    TrainerOptions of_context = options;
    of_context.team.graphs = std::is_same_v<typename Context::Space, DeviceSpace>;
    auto model = AGru4Rec::in<Context>(split.data->num_items(), 4);
    SessionTrainer(of_context).fit(model, split, SessionNextItem{.loss = BprMax{.elu = 0.5}, .negatives = 3});
    const Evaluation found = evaluate_sessions(model, split.test, {.top_k = {3}});
    std::vector<double> numbers = {found["mrr@3"], found["hr@3"]};
    for (const auto value : model.parameters().to_host()) numbers.push_back(static_cast<double>(value));
    return numbers;
  };
  cpu::BasicContext<double>* const host = nullptr;
  cuda::BasicContext<double>* const device = nullptr;
  CHECK(largest_difference(fitted(host), fitted(device)) < 1e-9);
}

TEST_CASE("a model of the device is saved, and loads on either backend", "[train][cuda]") {
  const seqrec_test::TemporaryDirectory folder;
  const auto model = ASasRec::in<cuda::BasicContext<double>>(12, 4);
  save(folder.path() / "model.safetensors", model);
  const auto on_host = load<SasRec<cpu::BasicContext<double>>>(folder.path() / "model.safetensors");
  const auto on_device = load<SasRec<cuda::BasicContext<double>>>(folder.path() / "model.safetensors");
  CHECK(on_host.parameters().to_host() == model.parameters().to_host());
  CHECK(on_device.parameters().to_host() == model.parameters().to_host());
}

TEST_CASE("a model of the device recommends what the same on the CPU does", "[train][cuda]") {
  const auto recommended = []<class Context>(Context*) {
    const auto model = ASasRec::in<Context>(12, 4);
    const std::vector<item_t> one = {3, 1, 4}, other = {7};
    std::vector<item_t> items;
    Recommender<std::remove_const_t<decltype(model)>> server(model, {.team = {.threads = 1}});
    const std::vector<RecommendRequest> requests = {{.history = one, .count = 5}, {.history = other, .count = 3}};
    for (const auto& answer : server.recommend(requests))
      for (const auto& [item, score] : answer.items) items.push_back(item);
    return items;
  };
  cpu::BasicContext<double>* const host = nullptr;
  cuda::BasicContext<double>* const device = nullptr;
  CHECK(recommended(host) == recommended(device));
}
