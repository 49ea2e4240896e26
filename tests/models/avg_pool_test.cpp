// SPDX-License-Identifier: Apache-2.0
#include "seqrec/models/avg_pool.hpp"

#include <cmath>
#include <filesystem>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "seqrec/core/option_text.hpp"
#include "seqrec/data/batches/batcher.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/io/checkpoint.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "support/catch.hpp"
#include "support/encoders.hpp"
#include "support/parameters.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::shown_parameters, seqrec_test::values_of, seqrec_test::deviation,
    seqrec_test::encode, seqrec_test::gradients_of, seqrec_test::ToyBatch;
using Model = AvgPool<DoubleContext>;

static_assert(StaticEncoder<Model>);
static_assert(std::is_nothrow_move_constructible_v<Model> && !std::is_copy_constructible_v<Model>);

namespace {

constexpr int items = 40;

Model random_model(const AvgPoolOptions& options) {
  Model model(options);
  seqrec_test::randomise(model, 4);
  return model;
}

}  // namespace

TEST_CASE("AvgPool's parameters have PyTorch's names and shapes", "[models]") {
  Model tied({.items = 9, .width = 4, .output_table = OutputTable::tied});
  CHECK(shown_parameters(tied) == "item_embedding.weight 9 4\n");
  Model whole({.items = 9, .width = 4, .max_length = 7, .projection = PoolProjection::linear, .recency_weights = true});
  CHECK(shown_parameters(whole) ==
        "item_embedding.weight 9 4\n"
        "projection.weight 4 4\n"
        "projection.bias 4\n"
        "output_embedding.weight 9 4\n"
        "recency_weights 7\n");
  CHECK(whole.num_items() == 9);
  CHECK(whole.max_length() == 7);
  CHECK(whole.item_head().table->rows() == 9);
}

TEST_CASE("AvgPool's state is the mean of what came so far", "[models]") {
  const Model model = random_model({.items = 5, .width = 3});
  const std::vector<item_t> history{2, 4, 4, 0};
  const std::vector<double> states = encode(model, history);
  const auto table = model.parameters().values(model.parameters().entries().front());
  for (std::size_t row = 0; row < history.size(); ++row)
    for (std::size_t d = 0; d < 3; ++d) {
      double sum = 0;
      for (std::size_t before = 0; before <= row; ++before)
        sum += table(static_cast<index_t>(3 * static_cast<std::size_t>(history[before]) + d));
      CHECK(states[3 * row + d] == Approx(sum / static_cast<double>(row + 1)).epsilon(1e-14));
    }
}

TEST_CASE("AvgPool's recency weights begin with -0.2 a step, and let it see the order of a history", "[models]") {
  const Model model({.items = 5, .width = 3, .max_length = 4, .recency_weights = true});
  const std::vector<item_t> history{2, 4, 4, 0};
  const std::vector<double> states = encode(model, history);
  const auto table = model.parameters().values(model.parameters().entries().front());
  for (std::size_t row = 0; row < history.size(); ++row)
    for (std::size_t d = 0; d < 3; ++d) {
      double sum = 0, weights = 0;
      for (std::size_t before = 0; before <= row; ++before) {
        const double weight = std::exp(-0.2 * static_cast<double>(row - before));
        weights += weight;
        sum += weight * table(static_cast<index_t>(3 * static_cast<std::size_t>(history[before]) + d));
      }
      CHECK(states[3 * row + d] == Approx(sum / weights).epsilon(1e-14));
    }
  const std::vector<double> other = encode(model, {4, 4, 0, 2});
  CHECK(deviation(std::vector<double>(states.end() - 3, states.end()),
                  std::vector<double>(other.end() - 3, other.end())) > 1e-3);
}

TEST_CASE("every row of AvgPool encodes its prefix", "[models]") {
  const Model model =
      random_model({.items = items, .width = 6, .projection = GENERATE(PoolProjection::none, PoolProjection::linear)});
  const std::vector<item_t> history = seqrec_test::toy_users({12}, items, 0, 8)[0].history;
  const std::vector<double> states = encode(model, history);
  for (std::ptrdiff_t length = 1; length <= std::ssize(history); ++length) {
    const auto prefix = encode(model, {history.begin(), history.begin() + length});
    CAPTURE(length);
    const std::vector<double> row(states.begin() + 6 * (length - 1), states.begin() + 6 * length);
    CHECK(deviation(row, std::vector<double>(prefix.end() - 6, prefix.end())) < 1e-14);
  }
}

TEST_CASE("AvgPool does not see the order of a history", "[models]") {
  const Model model = random_model({.items = items, .width = 6});
  const auto one = encode(model, {3, 8, 20, 8}), other = encode(model, {8, 20, 8, 3});
  CHECK(deviation(std::vector<double>(one.end() - 6, one.end()), std::vector<double>(other.end() - 6, other.end())) <
        1e-14);
}

TEST_CASE("AvgPool's gradients are the derivatives of its loss", "[models]") {
  constexpr int few_items = 7, negatives = 2;
  AvgPoolOptions options{.items = few_items, .width = 4, .max_length = 6};
  options.output_table = GENERATE(OutputTable::tied, OutputTable::separate);
  options.projection = GENERATE(PoolProjection::none, PoolProjection::linear);
  options.dropout = GENERATE(0.0, 0.3);
  options.recency_weights = options.projection == PoolProjection::linear;
  const NextItem objective =
      GENERATE(NextItem{.loss = BinaryCrossEntropy{}, .negatives = negatives}, NextItem{.loss = FullSoftmax{}},
               NextItem{.loss = SampledSoftmax{.temperature = 0.7}, .negatives = negatives});
  CAPTURE(option_text(options.output_table), option_text(options.projection), options.dropout, objective.name());

  Model model(options);
  seqrec_test::randomise(model, 12);
  seqrec_test::check_loss_gradients(model, objective, 1e-6);
}

TEST_CASE("a history's AvgPool states do not depend on the batch around it", "[models]") {
  const Model model =
      random_model({.items = items, .width = 7, .max_length = 30, .recency_weights = GENERATE(false, true)});
  const auto users = seqrec_test::toy_users({5, 0, 1, 30, 2, 17, 0, 8, 1}, items, 0, 3);
  const std::vector<double> together = encode(model, ToyBatch(users, items, 0));
  std::vector<double> alone;
  for (const auto& user : users) {
    const auto states = encode(model, user.history);
    alone.insert(alone.end(), states.begin(), states.end());
  }
  CHECK(together == alone);
  CHECK(encode(model, ToyBatch({users[1]}, items, 0)).empty());
  CHECK(encode(model, ToyBatch({}, items, 0)).empty());
}

TEST_CASE("AvgPool's gradients do not depend on how a batch is cut and dealt, dropout included", "[models]") {
  const Dataset data = synthetic_dataset({.users = 30, .items = items, .genres = 4, .max_events = 20});
  const Split split = leave_one_out(data);
  const NextItem objective = GENERATE(NextItem{.loss = BinaryCrossEntropy{}}, NextItem{.loss = FullSoftmax{}});
  Model model = random_model({.items = items,
                              .width = 8,
                              .max_length = 15,
                              .dropout = GENERATE(0.0, 0.3),
                              .output_table = GENERATE(OutputTable::tied, OutputTable::separate),
                              .recency_weights = true});
  std::vector<double> expected;
  for (const index_t budget : {256, 7, 1})
    for (const int slots : {1, 5}) {
      Batcher batcher(
          split, {.batch_size = 20, .max_length = 15, .plan = objective.plan(), .token_budget = budget, .seed = 2});
      const auto gradients = gradients_of(model, objective, batcher.make(0, 0), {.threads = 2, .slots = slots});
      if (expected.empty()) expected = gradients;
      CAPTURE(budget, slots);
      CHECK(deviation(gradients, expected) < 1e-12);
    }
}

TEST_CASE("AvgPool's gradients have the same bits on one, two and three threads", "[models]") {
  const Dataset data = synthetic_dataset({.users = 30, .items = items, .genres = 4, .max_events = 20});
  const Split split = leave_one_out(data);
  const NextItem objective = GENERATE(NextItem{.loss = BinaryCrossEntropy{}}, NextItem{.loss = FullSoftmax{}});
  Model model = random_model({.items = items, .width = 8, .max_length = 15, .dropout = 0.3, .recency_weights = true});
  Batcher batcher(split, {.batch_size = 30, .max_length = 15, .plan = objective.plan(), .token_budget = 16, .seed = 2});
  const HostTrainingBatch& batch = batcher.make(0, 0);
  REQUIRE(batch.num_shards() > 4);
  const auto gradients = gradients_of(model, objective, batch, {.threads = 1, .slots = 4});
  for (const int threads : {2, 3})
    CHECK(gradients_of(model, objective, batch, {.threads = threads, .slots = 4}) == gradients);
}

TEST_CASE("AvgPool comes back from its checkpoint", "[models]") {
  const auto path = std::filesystem::temp_directory_path() / "seqrec-avg-pool-test.safetensors";
  AvgPoolOptions options{.items = items, .width = 6, .max_length = 9, .dropout = 0.25, .seed = 5};
  options.output_table = GENERATE(OutputTable::tied, OutputTable::separate);
  options.projection = GENERATE(PoolProjection::none, PoolProjection::linear);
  options.recency_weights = options.projection == PoolProjection::linear;
  Model model = random_model(options);
  save(path, model);
  const Model loaded = load<Model>(path);
  std::filesystem::remove(path);
  CHECK(encode(loaded, {1, 2, 3}) == encode(model, {1, 2, 3}));
  CHECK(values_of(*loaded.item_head().table) == values_of(*model.item_head().table));
  const auto shown = [](AvgPoolOptions of) {
    std::string text;
    for (const OptionValue& option : option_values(of)) text += option.name + "=" + option.text + " ";
    return text;
  };
  CHECK(shown(loaded.options()) == shown(options));
  CHECK_THAT(shown({.items = 7}),
             ContainsSubstring("items=7 width=64 max_length=50 dropout=0 output_table=separate "
                               "projection=none recency_weights=false initial_deviation=0 user_categories=0 "
                               "item_categories=0 seed=0 "));
}

TEST_CASE("AvgPool begins with Xavier-normal weights, or with a deviation of one's choice", "[models]") {
  const auto deviation_of = [](const Model& model) {
    double squares = 0;
    for (const double value : values_of(*model.item_head().table)) squares += value * value;
    return std::sqrt(squares / static_cast<double>(model.item_head().table->size()));
  };
  CHECK(deviation_of(Model({.items = 400, .width = 50})) == Approx(std::sqrt(2.0 / 450)).epsilon(0.03));
  CHECK(deviation_of(Model({.items = 400, .width = 50, .initial_deviation = 0.1})) == Approx(0.1).epsilon(0.03));
  CHECK(deviation_of(Model({.items = 400, .width = 50}, InitialValues::zero)) == 0);
  const auto table = [](std::uint64_t seed) {
    return values_of(*Model({.items = 5, .width = 4, .seed = seed}).item_head().table);
  };
  CHECK(table(1) == table(1));
  CHECK(table(1) != table(2));
}

TEST_CASE("a history longer than AvgPool's max_length is refused with advice", "[models]") {
  const Model model({.items = 8, .width = 4, .max_length = 5});
  const ToyBatch batch(seqrec_test::toy_users({6}, 8, 0, 2), 8, 0);
  CHECK(seqrec_test::message_of<ShapeError>([&] { encode(model, batch); }) ==
        "AvgPool: the longest history has 6 items, expected at most 5; hint: keep the last max_length items of each "
        "history");
}

TEST_CASE("each option of AvgPool out of range is named with its value and the range", "[models]") {
  const auto message = [](const AvgPoolOptions& options) {
    return seqrec_test::message_of<ArgumentError>([&] { Model model(options); });
  };
  constexpr double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  CHECK_THAT(message({}), ContainsSubstring("AvgPool items is 0, expected 1 .. 2147483647"));
  CHECK_THAT(message({.items = 2147483648}), ContainsSubstring("items is 2147483648"));
  CHECK_THAT(message({.items = 5, .width = 0}), ContainsSubstring("AvgPool width is 0, expected 1 .. 65536"));
  CHECK_THAT(message({.items = 5, .width = 65537}), ContainsSubstring("width is 65537"));
  CHECK_THAT(message({.items = 5, .max_length = 0}), ContainsSubstring("AvgPool max_length is 0"));
  CHECK_THAT(message({.items = 5, .max_length = 1 << 21}), ContainsSubstring("max_length is 2097152"));
  for (const double dropout : {-0.1, 1.0, 1.5, nan})
    CHECK_THAT(message({.items = 5, .dropout = dropout}),
               ContainsSubstring("AvgPool dropout is") && ContainsSubstring("[0, 1)"));
  for (const double deviation : {-0.1, nan, infinity})
    CHECK_THAT(message({.items = 5, .initial_deviation = deviation}),
               ContainsSubstring("AvgPool initial_deviation is"));
}
