// SPDX-License-Identifier: Apache-2.0
#include "seqrec/models/gru4rec.hpp"

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "seqrec/io/checkpoint.hpp"
#include "seqrec/models/recurrent_encoder.hpp"
#include "support/encoders.hpp"
#include "support/golden_model.hpp"
#include "support/parameters.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using namespace seqrec_test;
using Model = Gru4Rec<DoubleContext>;

static_assert(RecurrentEncoder<Model>);
static_assert(std::is_nothrow_move_constructible_v<Model> && !std::is_copy_constructible_v<Model>);

namespace {

constexpr int items = 40;

Model random_model(const Gru4RecOptions& options) {
  Model model(options);
  randomise(model, 4);
  return model;
}

}  // namespace

TEST_CASE("Gru4Rec's parameters have PyTorch's names and shapes", "[models]") {
  const Model plain({.items = 9, .width = 4});
  CHECK(shown_parameters(plain) ==
        "item_embedding.weight 9 4\n"
        "gru.weight_ih_l0 12 4\ngru.weight_hh_l0 12 4\ngru.bias_ih_l0 12\ngru.bias_hh_l0 12\n");
  CHECK(plain.item_head().bias == nullptr);
  const Model whole({.items = 9, .width = 4, .hidden = 5, .output_table = OutputTable::separate, .item_bias = true});
  CHECK(shown_parameters(whole) ==
        "item_embedding.weight 9 4\n"
        "gru.weight_ih_l0 15 4\ngru.weight_hh_l0 15 5\ngru.bias_ih_l0 15\ngru.bias_hh_l0 15\n"
        "projection.weight 4 5\nprojection.bias 4\n"
        "output_embedding.weight 9 4\n"
        "item_bias 9\n");
  CHECK(whole.item_head().bias != nullptr);
}

TEST_CASE("Gru4Rec agrees with PyTorch", "[models]") {
  const std::string name = GENERATE(as<std::string>{}, "tied_bce", "separate_softmax");
  CAPTURE(name);
  Golden golden("gru4rec_" + name);
  Model model = model_of<Model>(golden, {.dropout = 0, .state_dropout = 0});
  check_gradients_of(golden, model);
  check_states_and_scores_of(golden, model);
}

TEST_CASE("every row of Gru4Rec encodes its prefix, whatever the batch around it", "[models]") {
  const Model model = random_model({.items = items,
                                    .width = 6,
                                    .hidden = 7,
                                    .layers = 2,
                                    .reset = GENERATE(GruReset::after_product, GruReset::before_product)});
  check_states_are_those_of_prefixes(model, 30);
}

TEST_CASE("Gru4Rec read event by event, from the states before, is Gru4Rec of whole histories", "[models]") {
  const Model model = random_model({.items = items,
                                    .width = 6,
                                    .hidden = 7,
                                    .layers = 2,
                                    .reset = GENERATE(GruReset::after_product, GruReset::before_product)});
  REQUIRE(model.state_columns() == 14);
  const std::vector<ToyUser> users = toy_users({5, 5, 5}, items, 0, 3);
  std::vector<std::vector<double>> whole;
  for (const ToyUser& user : users) whole.push_back(encode(model, user.history));
  Matrix before(3, 14), after(3, 14);
  for (std::size_t event = 0; event < 5; ++event) {
    std::vector<ToyUser> step;
    for (const ToyUser& user : users) step.push_back({{user.history[event]}, {user.next[event]}});
    const ToyBatch batch(step, items, 0);
    DoubleContext context;
    Tape<DoubleContext> tape(context, Mode::inference);
    const auto states = model.encode_step(tape, batch.histories(), {view_of(before), {after.values.data(), 3, 14}});
    for (index_t user = 0; user < 3; ++user)
      for (index_t column = 0; column < 6; ++column)
        CHECK(states.value()(user, column) ==
              whole[static_cast<std::size_t>(user)][event * 6 + static_cast<std::size_t>(column)]);
    std::swap(before, after);
  }
  const ToyBatch batch(toy_users({1}, items, 0, 3), items, 0);
  DoubleContext context;
  Tape<DoubleContext> tape(context, Mode::inference);
  const Matrix narrow(1, 7);
  CHECK_THAT(message_of<ShapeError>([&] {
               model.encode_step(tape, batch.histories(), {view_of(narrow), {}});
             }),
             ContainsSubstring("gru: columns of initial states is 7, expected 14"));
}

TEST_CASE("Gru4Rec's gradients are the derivatives of its loss", "[models]") {
  constexpr int few_items = 7, negatives = 2;
  Gru4RecOptions options{.items = few_items, .width = 4, .max_length = 6};
  options.dropout = options.state_dropout = GENERATE(0.0, 0.3);
  options.layers = options.dropout > 0 ? 2 : 1;
  options.reset = GENERATE(GruReset::after_product, GruReset::before_product);
  options.item_bias = true;
  const NextItem objective =
      GENERATE(NextItem{.loss = BinaryCrossEntropy{}, .negatives = negatives}, NextItem{.loss = FullSoftmax{}});
  CAPTURE(option_text(options.reset), options.dropout, objective.name());
  Model model = random_model(options);
  check_loss_gradients(model, objective, 1e-6);
}

TEST_CASE("Gru4Rec comes back from its checkpoint", "[models]") {
  const TemporaryDirectory directory;
  const Model model = random_model({.items = items,
                                    .width = 6,
                                    .hidden = 5,
                                    .layers = 2,
                                    .reset = GruReset::before_product,
                                    .output_table = OutputTable::separate,
                                    .item_bias = true});
  save(directory / "model", model);
  const Model loaded = load<Model>(directory / "model");
  CHECK(weights_of(loaded) == weights_of(model));
  CHECK(encode(loaded, {1, 2, 3}) == encode(model, {1, 2, 3}));
}

TEST_CASE("each option of Gru4Rec out of range is named with its value and the range", "[models][errors]") {
  const auto message = [](const Gru4RecOptions& options) {
    return message_of<ArgumentError>([&] { Model model(options); });
  };
  CHECK_THAT(message({}), ContainsSubstring("Gru4Rec items is 0, expected 1 .. 2147483647"));
  CHECK_THAT(message({.items = 5, .width = 0}), ContainsSubstring("Gru4Rec width is 0"));
  CHECK_THAT(message({.items = 5, .hidden = -1}), ContainsSubstring("Gru4Rec hidden is -1"));
  CHECK_THAT(message({.items = 5, .layers = 0}), ContainsSubstring("Gru4Rec layers is 0"));
  CHECK_THAT(message({.items = 5, .dropout = 1}), ContainsSubstring("Gru4Rec dropout is 1"));
  CHECK_THAT(message({.items = 5, .state_dropout = -0.5}), ContainsSubstring("Gru4Rec state_dropout is -0.5"));
  const Model model({.items = 8, .width = 4, .max_length = 5});
  const ToyBatch batch(toy_users({6}, 8, 0, 2), 8, 0);
  CHECK_THAT(message_of<ShapeError>([&] { encode(model, batch); }),
             ContainsSubstring("Gru4Rec: the longest history has 6 items, expected at most 5"));
}
