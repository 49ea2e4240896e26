// SPDX-License-Identifier: Apache-2.0
#include "seqrec/models/din.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "seqrec/core/option_text.hpp"
#include "seqrec/data/batches/batcher.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/io/checkpoint.hpp"
#include "seqrec/objectives/click.hpp"
#include "seqrec/train/step.hpp"
#include "support/catch.hpp"
#include "support/parameters.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::shown_parameters, seqrec_test::ToyBatch;
using Model = Din<DoubleContext>;

static_assert(std::is_nothrow_move_constructible_v<Model> && !std::is_copy_constructible_v<Model>);
static_assert(CandidateEncoder<Model> && !StaticEncoder<Model>);

namespace {

constexpr int items = 30;

DinOptions small_options() {
  return {.items = items, .width = 5, .max_length = 8, .attention_hidden = {6, 3}, .hidden = {7}, .dropout = 0.3};
}

Model random_model(const DinOptions& options) {
  Model model(options);
  seqrec_test::randomise(model, 4);
  return model;
}

/// The scores of a batch's clicks.
std::vector<double> scores_of(const Model& model, const TrainingBatch<HostSpace>& batch) {
  DoubleContext context;
  Tape<DoubleContext> tape(context, Mode::inference);
  const auto scores = model.score(tape, batch.histories, batch.clicks.candidates).value();
  return {scores.data, scores.data + scores.size()};
}

/// The score of one candidate after one history.
double score_alone(const Model& model, std::vector<item_t> history, item_t candidate) {
  const offset_t visible = static_cast<offset_t>(history.size());
  const offset_t rows[] = {0, visible}, one[] = {0, 1};
  Batch<HostSpace> batch;
  batch.items = {{history.data(), visible}, {rows, 2}};
  batch.longest = visible;
  Candidates<HostSpace> candidates;
  candidates.items = {{&candidate, 1}, {one, 2}};
  candidates.visible = {&visible, 1};
  candidates.window = candidates.pairs = visible;
  DoubleContext context;
  Tape<DoubleContext> tape(context, Mode::inference);
  return model.score(tape, batch, candidates).value()(0, 0);
}

}  // namespace

TEST_CASE("Din's parameters have names and shapes that PyTorch users know", "[models]") {
  DinOptions options = small_options();
  options.user_categories = 4;
  options.item_categories = 6;
  options.feature_width = 2;
  options.activation = Activation::dice;
  options.recency_bias = options.time_decay = true;
  Model model(options);
  CHECK(shown_parameters(model) ==
        "item_embedding.weight 30 5\n"
        "attention.linears.0.weight 6 20\n"
        "attention.linears.0.bias 6\n"
        "attention.activations.0.weight 6\n"
        "attention.linears.1.weight 3 6\n"
        "attention.linears.1.bias 3\n"
        "attention.activations.1.weight 3\n"
        "attention.output.weight 1 3\n"
        "attention.output.bias 1\n"
        "attention.recency_bias 1 8\n"
        "attention.time_decay 1 128\n"
        "network.linears.0.weight 7 19\n"
        "network.linears.0.bias 7\n"
        "network.activations.0.weight 7\n"
        "network.activations.0.running_mean 7\n"
        "network.activations.0.running_var 7\n"
        "network.activations.0.num_batches_tracked 1\n"
        "network.linears.1.weight 1 7\n"
        "network.linears.1.bias 1\n"
        "item_bias.weight 30 1\n"
        "user_features.weight 4 2\n"
        "item_features.weight 6 2\n");
  CHECK(model.num_items() == items);
  CHECK(model.max_length() == 8);
}

TEST_CASE("a candidate's score is that of its visible history alone, the last max_length items of it", "[models]") {
  const bool softmax = GENERATE(true, false);
  DinOptions options = small_options();
  options.attention_softmax = softmax;
  options.recency_bias = softmax;
  options.attention_heads = softmax ? 5 : 1;
  const Model model = random_model(options);
  const auto users = seqrec_test::toy_users({11, 3, 0, 1, 20, 7}, items, 2, 5);
  const ToyBatch batch(users, items, 2, GENERATE(std::vector<std::size_t>{}, std::vector<std::size_t>{1, 4}), 8);
  for (index_t s = 0, user = 0; s < batch.num_shards(); ++s) {
    const TrainingBatch<HostSpace> shard = batch.shard(s);
    const std::vector<double> scores = scores_of(model, shard);
    std::size_t c = 0;
    for (index_t b = 0; b < shard.histories.users(); ++b, ++user) {
      const auto& of = users[static_cast<std::size_t>(user)];
      for (std::size_t row = 0; row < of.history.size(); ++row)
        for (std::size_t column = 0; column < 3; ++column, ++c) {
          const std::size_t first = row + 1 > 8 ? row + 1 - 8 : 0;
          const std::vector<item_t> seen(of.history.begin() + static_cast<std::ptrdiff_t>(first),
                                         of.history.begin() + static_cast<std::ptrdiff_t>(row + 1));
          REQUIRE(scores[c] == Approx(score_alone(model, seen, of.next[row * 3 + column])).epsilon(1e-12));
        }
    }
    REQUIRE(c == scores.size());
  }
}

TEST_CASE("an item has the same score, to the last bit, wherever it stands in lists of any length", "[models]") {
  const Activation kind = GENERATE(Activation::prelu, Activation::dice, Activation::sigmoid);
  CAPTURE(name_of(kind));
  DinOptions options{.items = items, .width = 10, .attention_hidden = {36, 7}, .hidden = {13, 6}};
  options.activation = options.attention_activation = kind;
  options.recency_bias = kind != Activation::sigmoid;
  const Din<cpu::Context> model(options);
  const std::vector<item_t> history = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5};
  const auto length = static_cast<offset_t>(history.size());
  const offset_t rows[] = {0, length};
  const auto score_behind = [&](item_t before) {  // that many other items
    std::vector<item_t> list;
    for (item_t i = 0; i < before; ++i) list.push_back(i % items);
    list.push_back(17);
    const offset_t offsets[] = {0, before + 1};
    const std::vector<offset_t> visible(list.size(), length);
    Batch<HostSpace> batch;
    batch.items = {{history.data(), length}, {rows, 2}};
    batch.longest = length;
    Candidates<HostSpace> candidates;
    candidates.items = {{list.data(), before + 1}, {offsets, 2}};
    candidates.visible = {visible.data(), before + 1};
    candidates.window = length;
    candidates.pairs = index_t{length} * (before + 1);
    cpu::Context context;
    Tape<cpu::Context> tape(context, Mode::inference);
    return model.score(tape, batch, candidates).value()(before, 0);
  };
  const float alone = score_behind(0);
  for (item_t before = 1; before < 70; ++before) {
    CAPTURE(before);
    REQUIRE(score_behind(before) == alone);
  }
}

TEST_CASE("with a recency bias the order of a history counts, without one it does not", "[models]") {
  DinOptions options = small_options();
  const Model without = random_model(options);
  CHECK(score_alone(without, {1, 2, 3}, 4) == Approx(score_alone(without, {3, 1, 2}, 4)).epsilon(1e-12));
  options.recency_bias = true;
  const Model with = random_model(options);
  CHECK(std::abs(score_alone(with, {1, 2, 3}, 4) - score_alone(with, {3, 1, 2}, 4)) > 1e-3);
}

TEST_CASE("with a time decay it counts when events happened, up to the newest that a candidate sees", "[models]") {
  DinOptions options = small_options();
  options.time_decay = true;
  const Model model = random_model(options);
  CHECK(std::string(model.reads_times()) == "time_decay");
  CHECK(Model(small_options()).reads_times() == nullptr);
  const auto scores = [&](std::vector<std::int64_t> times) {
    auto users = seqrec_test::toy_users({4}, items, 0, 5);
    users[0].times = std::move(times);
    return scores_of(model, ToyBatch(users, items, 0).shard(0));
  };
  const auto one = scores({100, 200, 100'000, 90'000'000});
  CHECK(scores({1100, 1200, 101'000, 90'001'000}) == one);  // all of it later: the same
  const auto other = scores({100, 5000, 100'000, 100'001});
  CHECK(other[0] == one[0]);  // one event: no time between
  CHECK(other[1] != one[1]);
  CHECK(other[3] != one[3]);
  CHECK(scores({100, 200, 100'000, 100'001})[2] == one[2]);  // what comes after what it sees
  CHECK_THROWS_WITH(scores_of(model, ToyBatch(seqrec_test::toy_users({4}, items, 0, 5), items, 0).shard(0)),
                    "Din time_decay is true, expected a batch with the times of its events, this one has none");
}

TEST_CASE("an empty history has a score too", "[models]") {
  DinOptions options = small_options();
  options.recency_bias = GENERATE(false, true);
  const Model model = random_model(options);
  CHECK(std::isfinite(score_alone(model, {}, 3)));
  CHECK(score_alone(model, {}, 3) != score_alone(model, {}, 4));
}

TEST_CASE("Din's attention is explained: weights of what was seen, one under a softmax", "[models]") {
  const Model model = random_model(small_options());
  const auto users = seqrec_test::toy_users({5, 2}, items, 0, 5);
  const ToyBatch batch(users, items, 0);
  DoubleContext context;
  Tape<DoubleContext> tape(context, Mode::inference);
  const TrainingBatch<HostSpace> whole = batch.shard(0);
  const auto explained = model.explain(tape, whole.histories, whole.clicks.candidates);
  CHECK(explained.weights.size() == 15 + 3);
  index_t pair = 0;
  for (index_t c = 0; c < whole.clicks.candidates.size(); ++c) {
    double sum = 0;
    for (offset_t j = 0; j < whole.clicks.candidates.visible(c); ++j) sum += explained.weights(pair++);
    CHECK(sum == Approx(1).epsilon(1e-12));
  }
}

TEST_CASE("Din's product of interest and candidate is shown beside the score that it is a part of", "[models]") {
  DinOptions options = small_options();
  options.dot_product = GENERATE(true, false);
  Model model = random_model(options);
  const auto users = seqrec_test::toy_users({5, 2}, items, 0, 5);
  const ToyBatch batch(users, items, 0);
  const TrainingBatch<HostSpace> whole = batch.shard(0);
  DoubleContext context;
  Tape<DoubleContext> tape(context, Mode::inference);
  const auto explained = model.explain(tape, whole.histories, whole.clicks.candidates);
  REQUIRE(static_cast<bool>(explained.products) == options.dot_product);
  if (!options.dot_product) return;
  // Without the term the same weights score as much less.
  options.dot_product = false;
  Model without(options);
  without.parameters().copy_from_host(model.parameters().to_host());
  const auto rest = scores_of(without, whole);
  for (index_t c = 0; c < whole.clicks.candidates.size(); ++c)
    CHECK(explained.products.value()(c, 0) + rest[static_cast<std::size_t>(c)] ==
          Approx(explained.scores.value()(c, 0)).epsilon(1e-12));
}

TEST_CASE("features of users and items move the score, and are asked for", "[models]") {
  DinOptions options = small_options();
  options.user_categories = 3;
  options.item_categories = 2;
  const Model model = random_model(options);
  const auto users = seqrec_test::toy_users({4, 2}, items, 0, 5);
  const ToyBatch batch(users, items, 0);
  TrainingBatch<HostSpace> shard = batch.shard(0);
  CHECK_THROWS_WITH(scores_of(model, shard),
                    "Din: the batch has features of users with 0 categories, expected those that the model was made "
                    "for, 3");
  // Two users: {0}, {1, 2}; items alternate between the categories 0 and 1.
  const std::vector<item_t> of_users = {0, 1, 2}, profiles = {0, 1}, same = {1, 1};
  const std::vector<offset_t> user_offsets = {0, 1, 3};
  std::vector<item_t> of_items;
  std::vector<offset_t> item_offsets = {0};
  for (item_t item = 0; item < items; ++item) {
    of_items.push_back(item % 2);
    item_offsets.push_back(item + 1);
  }
  Features<HostSpace>& features = shard.histories.features;
  features.of_users = {{of_users.data(), 3}, {user_offsets.data(), 3}};
  features.user_categories = 3;
  shard.histories.profiles = {profiles.data(), 2};
  CHECK_THROWS_WITH(scores_of(model, shard), ContainsSubstring("features of items with 0 categories"));
  features.of_items = {{of_items.data(), items}, {item_offsets.data(), items + 1}};
  features.item_categories = 2;
  const std::vector<double> scores = scores_of(model, shard);
  shard.histories.profiles = {same.data(), 2};
  const std::vector<double> others = scores_of(model, shard);
  CHECK(scores.at(0) != others.at(0));  // the first user's profile changed
  CHECK(scores.at(5) == others.at(5));  // the second's did not
  features.item_categories = 5;
  CHECK_THROWS_WITH(scores_of(model, shard), ContainsSubstring("features of items with 5 categories, expected"));
  features.item_categories = 2;
  features.of_items.offsets = {item_offsets.data(), items};
  CHECK_THROWS_WITH(scores_of(model, shard), "Din: items with features is 29, expected 30");
}

TEST_CASE("the embeddings of features have the derivatives of the loss", "[models]") {
  DinOptions options = small_options();
  options.dropout = 0;
  options.user_categories = 3;
  options.item_categories = 4;
  Dataset data = synthetic_dataset({.users = 9, .items = items, .genres = 5, .min_events = 3, .max_events = 6});
  std::vector<std::vector<std::string>> of_users, of_items;
  for (index_t user = 0; user < data.num_users(); ++user) of_users.push_back({user % 2 == 0 ? "a" : "b", "c"});
  for (index_t item = 0; item < data.num_items(); ++item) of_items.push_back({std::string(1, "abcd"[item % 4])});
  data.user_features = make_feature_table(of_users);
  data.item_features = make_feature_table(of_items);
  const Split split = leave_one_out(data);
  Batcher batcher(split, {.batch_size = 9, .max_length = 6, .plan = Click{}.plan(), .token_budget = 8, .seed = 3});
  const HostTrainingBatch& batch = batcher.make(0, 0);
  options.items = data.num_items();
  Model model = random_model(options);
  auto& parameters = model.parameters();
  DoubleContext::Team team(parameters.size(), {.threads = 1, .slots = 2});
  const auto loss = [&] { return compute_gradients(team, model, Click{}, batch, 21, 4); };
  loss();
  const GradientCheck check = check_gradients(parameters, team.gradients(), loss);
  INFO(check.text());
  CHECK(check.worst < 1e-6);
}

TEST_CASE("Din's gradients do not depend on how a batch is cut, nor on threads", "[models]") {
  Dataset data = synthetic_dataset({.users = 40, .items = items, .genres = 5, .min_events = 3, .max_events = 15});
  for (index_t event = 0; event < data.num_interactions(); ++event) data.times.push_back(event * event * event);
  const Split split = leave_one_out(data);
  DinOptions options = small_options();
  options.items = data.num_items();
  options.activation = options.attention_activation = Activation::dice;
  options.recency_bias = options.time_decay = true;
  options.attention_heads = 5;
  Model model = random_model(options);
  auto& parameters = model.parameters();
  BatchPlan plan = Click{}.plan();
  plan.times = true;
  const auto gradients = [&](index_t token_budget, TeamOptions team_options) {
    Batcher batcher(
        split,
        {.batch_size = 40, .max_length = 15, .window = 8, .plan = plan, .token_budget = token_budget, .seed = 3});
    DoubleContext::Team team(parameters.size(), team_options);
    compute_gradients(team, model, Click{}, batcher.make(0, 0), 3, 5);
    return std::vector<double>(team.gradients().data, team.gradients().data + parameters.size());
  };
  const std::vector<double> reference = gradients(1 << 20, {.threads = 1, .slots = 1});
  CHECK(seqrec_test::deviation(gradients(16, {.threads = 1, .slots = 4}), reference) < 1e-12);
  const std::vector<double> one = gradients(16, {.threads = 1, .slots = 4});
  CHECK(gradients(16, {.threads = 2, .slots = 4}) == one);
  CHECK(gradients(16, {.threads = 3, .slots = 4}) == one);
}

TEST_CASE("a Din comes back from its checkpoint as it was", "[models]") {
  const seqrec_test::TemporaryDirectory directory;
  DinOptions options = small_options();
  options.attention_activation = Activation::dice;
  options.hidden = {};
  options.item_bias = false;
  options.recency_bias = options.time_decay = true;
  options.user_categories = 3;
  Model model = random_model(options);
  save(directory.path() / "din.safetensors", model);
  Model loaded = load<Model>(directory.path() / "din.safetensors");
  CHECK(shown_parameters(loaded) == shown_parameters(model));
  CHECK(option_text(loaded.options().attention_hidden) == "6-3");
  CHECK(loaded.options().hidden.empty());
  CHECK_FALSE(loaded.options().item_bias);
  CHECK(loaded.options().recency_bias);
  CHECK(seqrec_test::weights_of(loaded) == seqrec_test::weights_of(model));
}

TEST_CASE("a Din's options are checked", "[models]") {
  const auto message = [](auto change) {
    DinOptions options = small_options();
    change(options);
    try {
      Model model(options);
    } catch (const ArgumentError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(message([](DinOptions& o) { o.items = 0; }) == "Din items is 0, expected 1 .. 2147483647");
  CHECK(message([](DinOptions& o) { o.width = 0; }) == "Din width is 0, expected 1 .. 65536");
  CHECK(message([](DinOptions& o) { o.max_length = 0; }) == "Din max_length is 0, expected 1 .. 1048576");
  CHECK(message([](DinOptions& o) { o.training_length = -1; }) == "Din training_length is -1, expected 0 .. 1048576");
  CHECK(message([](DinOptions& o) { o.attention_hidden = {}; }) ==
        "CandidateAttention hidden layers is 0, expected 1 .. 3");
  CHECK(message([](DinOptions& o) {
          o.recency_bias = true;
          o.attention_softmax = false;
        }) == "Din recency_bias is true, expected false without attention_softmax");
  CHECK(message([](DinOptions& o) {
          o.time_decay = true;
          o.attention_softmax = false;
        }) == "Din time_decay is true, expected false without attention_softmax");
  CHECK(message([](DinOptions& o) { o.attention_heads = 2; }) ==
        "Din attention_heads is 2, expected a divisor of width 5");
  CHECK(message([](DinOptions& o) { o.attention_heads = 0; }) == "Din attention_heads is 0, expected 1 .. 65536");
  CHECK(message([](DinOptions& o) {
          o.attention_hidden = {4, 0};
        }) == "Din attention_hidden is 4-0, expected at most 64 widths in 1 .. 1048576");
  CHECK(message([](DinOptions& o) { o.hidden = {-3}; }) ==
        "Din hidden is -3, expected at most 64 widths in 1 .. 1048576");
  CHECK(message([](DinOptions& o) { o.dropout = 1; }) == "Din dropout is 1, expected a probability in [0, 1)");
  CHECK(message([](DinOptions& o) { o.initial_deviation = -1; }) ==
        "Din initial_deviation is -1, expected a number of at least 0");
  CHECK(message([](DinOptions& o) { o.user_categories = -1; }) == "Din user_categories is -1, expected 0 .. 16777216");
  CHECK(message([](DinOptions& o) { o.item_categories = -1; }) == "Din item_categories is -1, expected 0 .. 16777216");
  CHECK(message([](DinOptions& o) { o.feature_width = 0; }) == "Din feature_width is 0, expected 1 .. 65536");
}
