// SPDX-License-Identifier: Apache-2.0
#include "seqrec/models/sasrec.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "seqrec/core/option_text.hpp"
#include "support/catch.hpp"
#include "support/parameters.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::shown_parameters, seqrec_test::ToyBatch;
using Model = SasRec<DoubleContext>;

static_assert(std::is_nothrow_move_constructible_v<Model> && !std::is_copy_constructible_v<Model>);

namespace {

std::vector<double> encode(const Model& model, const ToyBatch& batch) {
  DoubleContext context;
  context.begin_step(1, 1);
  Tape<DoubleContext> tape(context, Mode::inference);
  const auto states = model.encode(tape, batch.histories()).value();
  return {states.data, states.data + states.size()};
}

}  // namespace

TEST_CASE("SasRec's parameters have PyTorch's names and shapes", "[models]") {
  Model model({.items = 9, .width = 4, .blocks = 1, .max_length = 7, .feed_forward_width = 5});
  CHECK(shown_parameters(model) ==
        "item_embedding.weight 9 4\n"
        "position_embedding.weight 7 4\n"
        "blocks.0.attention_norm.weight 4\n"
        "blocks.0.attention_norm.bias 4\n"
        "blocks.0.attention.in_proj_weight 12 4\n"
        "blocks.0.attention.in_proj_bias 12\n"
        "blocks.0.attention.out_proj.weight 4 4\n"
        "blocks.0.attention.out_proj.bias 4\n"
        "blocks.0.feed_forward_norm.weight 4\n"
        "blocks.0.feed_forward_norm.bias 4\n"
        "blocks.0.linear1.weight 5 4\n"
        "blocks.0.linear1.bias 5\n"
        "blocks.0.linear2.weight 4 5\n"
        "blocks.0.linear2.bias 4\n"
        "final_norm.weight 4\n"
        "final_norm.bias 4\n");
  CHECK(model.num_items() == 9);
  CHECK(model.max_length() == 7);
  CHECK(model.item_head().table->rows() == 9);
}

TEST_CASE("the feed-forward network is as wide as the model unless told otherwise", "[models]") {
  Model model({.items = 2, .width = 6, .blocks = 2});
  CHECK_THAT(shown_parameters(model), ContainsSubstring("blocks.1.linear1.weight 6 6\n"));
}

TEST_CASE("SasRec begins with Xavier-normal weights, or with a deviation of one's choice", "[models]") {
  const auto deviation_of = [](const Model& model) {
    double squares = 0;
    for (const double value : seqrec_test::values_of(*model.item_head().table)) squares += value * value;
    return std::sqrt(squares / static_cast<double>(model.item_head().table->size()));
  };
  CHECK(deviation_of(Model({.items = 400, .width = 50})) == Approx(std::sqrt(2.0 / 450)).epsilon(0.03));
  CHECK(deviation_of(Model({.items = 400, .width = 50, .initial_deviation = 0.02})) == Approx(0.02).epsilon(0.03));
  CHECK(deviation_of(Model({.items = 400, .width = 50}, InitialValues::zero)) == 0);

  const auto table = [](std::uint64_t seed) {
    return seqrec_test::values_of(*Model({.items = 5, .width = 4, .seed = seed}).item_head().table);
  };
  CHECK(table(1) == table(1));
  CHECK(table(1) != table(2));
}

TEST_CASE("inference drops nothing and gives the same bits every time", "[models]") {
  const ToyBatch batch(seqrec_test::toy_users({4, 1}, 8, 0, 2), 8, 0);
  const Model without({.items = 8, .width = 4, .max_length = 5, .dropout = 0, .seed = 3});
  const Model with({.items = 8, .width = 4, .max_length = 5, .dropout = 0.6, .seed = 3});
  CHECK(encode(with, batch) == encode(without, batch));
  CHECK(encode(with, batch) == encode(with, batch));
}

TEST_CASE("training masks belong to a seed and a step", "[models]") {
  const ToyBatch batch(seqrec_test::toy_users({4, 1}, 8, 0, 2), 8, 0);
  const Model model({.items = 8, .width = 4, .max_length = 5, .dropout = 0.5, .seed = 3});
  DoubleContext context;
  const auto train_states = [&](std::uint64_t seed, std::uint64_t step) {
    context.begin_step(seed, step);
    context.begin_shard();
    Tape<DoubleContext> tape(context, Mode::training);
    const auto states = model.encode(tape, batch.histories()).value();
    return std::vector<double>(states.data, states.data + states.size());
  };
  const auto here = train_states(1, 1);
  CHECK(train_states(1, 1) == here);
  CHECK(train_states(1, 2) != here);
  CHECK(train_states(2, 1) != here);
  CHECK(encode(model, batch) != here);
}

TEST_CASE("SasRec encodes empty and single-item histories", "[models]") {
  const auto norm = GENERATE(NormPlacement::original, NormPlacement::pre, NormPlacement::post);
  const Model model({.items = 8, .width = 4, .max_length = 5, .norm = norm, .seed = 3});
  const auto users = seqrec_test::toy_users({0, 1, 0, 3}, 8, 0, 2);
  const auto states = encode(model, ToyBatch(users, 8, 0));
  REQUIRE(states.size() == 4 * 4);
  for (const double value : states) CHECK(std::isfinite(value));
  CHECK(encode(model, ToyBatch({users[0]}, 8, 0)).empty());
  CHECK(encode(model, ToyBatch({users[0], users[2]}, 8, 0)).empty());
  CHECK(encode(model, ToyBatch({}, 8, 0)).empty());
  CHECK(encode(model, ToyBatch({users[1]}, 8, 0)).size() == 4);
}

TEST_CASE("a SasRec without blocks is a normalised embedding", "[models]") {
  const Model model({.items = 8, .width = 4, .blocks = 0, .max_length = 5, .seed = 3});
  const auto states = encode(model, ToyBatch({{{2}, {2}}}, 8, 0));
  double sum = 0, squares = 0;
  for (const double value : states) {
    sum += value;
    squares += value * value;
  }
  CHECK(std::abs(sum) < 1e-12);
  CHECK(squares == Approx(4).epsilon(1e-4));
}

TEST_CASE("a history longer than max_length is refused", "[models]") {
  const Model model({.items = 8, .width = 4, .max_length = 5});
  CHECK_THROWS_AS(encode(model, ToyBatch(seqrec_test::toy_users({6}, 8, 0, 2), 8, 0)), ShapeError);
}

TEST_CASE("a moved SasRec is the same model", "[models]") {
  const ToyBatch batch(seqrec_test::toy_users({4, 1}, 8, 0, 2), 8, 0);
  Model model({.items = 8, .width = 4, .max_length = 5, .seed = 3});
  const auto before = encode(model, batch);
  Model moved(std::move(model));
  CHECK(encode(moved, batch) == before);
  CHECK(moved.options().items == 8);
}

TEST_CASE("each option of SasRec out of range is named with its value and the range", "[models]") {
  const auto message = [](const SasRecOptions& options) {
    return seqrec_test::message_of<ArgumentError>([&] { Model model(options); });
  };
  constexpr double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  CHECK_THAT(message({}), ContainsSubstring("SasRec items is 0, expected 1 .. 2147483647"));
  CHECK_THAT(message({.items = 2147483648}), ContainsSubstring("items is 2147483648"));
  CHECK_THAT(message({.items = 5, .width = 0}), ContainsSubstring("SasRec width is 0, expected 1 .. 65536"));
  CHECK_THAT(message({.items = 5, .width = 65537}), ContainsSubstring("width is 65537"));
  CHECK_THAT(message({.items = 5, .blocks = -1}), ContainsSubstring("SasRec blocks is -1, expected 0 .. 256"));
  CHECK_THAT(message({.items = 5, .blocks = 257}), ContainsSubstring("blocks is 257"));
  CHECK_THAT(message({.items = 5, .heads = 3}),
             ContainsSubstring("SasRec heads is 3, expected a divisor of the width"));
  CHECK_THAT(message({.items = 5, .heads = 0}), ContainsSubstring("heads is 0"));
  CHECK_THAT(message({.items = 5, .max_length = 0}), ContainsSubstring("SasRec max_length is 0"));
  CHECK_THAT(message({.items = 5, .max_length = 1 << 21}), ContainsSubstring("max_length is 2097152"));
  CHECK_THAT(message({.items = 5, .feed_forward_width = -1}), ContainsSubstring("SasRec feed_forward_width is -1"));
  for (const double dropout : {-0.1, 1.0, 1.5, nan})
    CHECK_THAT(message({.items = 5, .dropout = dropout}),
               ContainsSubstring("SasRec dropout is") && ContainsSubstring("[0, 1)"));
  for (const double epsilon : {0.0, -1e-8, nan, infinity})
    CHECK_THAT(message({.items = 5, .norm_epsilon = epsilon}), ContainsSubstring("SasRec norm_epsilon is"));
  for (const double deviation : {-0.1, nan, infinity})
    CHECK_THAT(message({.items = 5, .initial_deviation = deviation}), ContainsSubstring("SasRec initial_deviation is"));
}

TEST_CASE("every option of SasRec is shown under its name", "[models]") {
  std::string shown;
  SasRecOptions options{.items = 7};
  for (const OptionValue& option : option_values(options)) shown += option.name + "=" + option.text + " ";
  CHECK(shown ==
        "items=7 width=50 blocks=2 heads=1 max_length=200 feed_forward_width=0 dropout=0.2 norm=original "
        "position_origin=end norm_epsilon=1e-08 initial_deviation=0 user_categories=0 item_categories=0 units=relu "
        "position_bias=false time_bias=false seed=0 moe_experts=0 moe_top_k=2 "
        "moe_shared_experts=0 moe_expert_width=0 moe_gate=sigmoid moe_normalise=true moe_balance=loss_free "
        "moe_bias_step=0.005 moe_first_bias_step=0.01 moe_first_steps=200 moe_auxiliary_weight=0.01 ");
}
