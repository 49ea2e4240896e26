// SPDX-License-Identifier: Apache-2.0
#include "seqrec/models/hstu.hpp"

#include <string>
#include <vector>

#include "seqrec/io/checkpoint.hpp"
#include "support/catch.hpp"
#include "support/encoders.hpp"
#include "support/golden_model.hpp"
#include "support/parameters.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using namespace seqrec_test;
using Model = Hstu<DoubleContext>;

namespace {

Model random_model(const HstuOptions& options) {
  Model model(options);
  randomise(model, 12);
  return model;
}

}  // namespace

TEST_CASE("Hstu's parameters have names and shapes", "[models]") {
  const Model model({.items = 9, .width = 4, .blocks = 1, .heads = 2, .max_length = 7});
  CHECK(shown_parameters(model) ==
        "item_embedding.weight 9 4\n"
        "position_embedding.weight 7 4\n"
        "blocks.0.input_norm.weight 4\nblocks.0.input_norm.bias 4\n"
        "blocks.0.uvqk.weight 16 4\n"
        "blocks.0.position_bias 2 7\nblocks.0.time_bias 2 128\n"
        "blocks.0.attention_norm.weight 4\nblocks.0.attention_norm.bias 4\n"
        "blocks.0.o.weight 4 4\nblocks.0.o.bias 4\n"
        "final_norm.weight 4\nfinal_norm.bias 4\n");
  const Model plain({.items = 9, .width = 4, .blocks = 1, .position_bias = false, .time_bias = false});
  CHECK_THAT(shown_parameters(plain), !ContainsSubstring("_bias "));
  CHECK(plain.reads_times() == nullptr);
}

TEST_CASE("Hstu agrees with PyTorch", "[models][golden]") {
  const std::string name = GENERATE(as<std::string>{}, "hstu_biased_softmax", "hstu_plain_bce");
  CAPTURE(name);
  Golden golden(name);
  Model model = model_of<Model>(golden);
  check_gradients_of(golden, model);
  check_states_and_scores_of(golden, model);
}

TEST_CASE("Hstu's gradients are the derivatives of its loss", "[models]") {
  HstuOptions options{.items = 7, .width = 4, .blocks = 2, .heads = 2, .max_length = 6};
  options.dropout = GENERATE(0.0, 0.3);
  options.position_bias = options.time_bias = GENERATE(true, false);
  const NextItem objective =
      GENERATE(NextItem{.loss = BinaryCrossEntropy{}, .negatives = 2}, NextItem{.loss = FullSoftmax{}});
  CAPTURE(options.dropout, options.time_bias, objective.name());
  Model model = random_model(options);
  check_loss_gradients(model, objective, 1e-6);
}

TEST_CASE("a user's states under Hstu do not depend on the batch", "[models]") {
  check_states_are_those_of_users_alone(
      random_model({.items = 9, .width = 6, .blocks = 2, .heads = 2, .max_length = 40}), 40);
}

TEST_CASE("Hstu comes back from its checkpoint", "[models]") {
  const TemporaryDirectory directory;
  const Model model = random_model({.items = 9, .width = 4, .blocks = 1, .heads = 2, .max_length = 6});
  save(directory / "model", model);
  const Model loaded = load<Model>(directory / "model");
  CHECK(weights_of(loaded) == weights_of(model));
  const ToyBatch batch(with_times(toy_users({5, 0, 2}, 9, 0, 1)), 9, 0);
  CHECK(encode(loaded, batch) == encode(model, batch));
}

TEST_CASE("each option of Hstu out of range is named with its value and the range", "[models][errors]") {
  const auto message = [](const HstuOptions& options) {
    return message_of<ArgumentError>([&] { Model model(options); });
  };
  CHECK_THAT(message({}), ContainsSubstring("Hstu items is 0, expected 1 .. 2147483647"));
  CHECK_THAT(message({.items = 5, .width = 0}), ContainsSubstring("Hstu width is 0"));
  CHECK_THAT(message({.items = 5, .width = 4, .heads = 3}), ContainsSubstring("Hstu heads is 3, expected a divisor"));
  CHECK_THAT(message({.items = 5, .dropout = 1}), ContainsSubstring("Hstu dropout is 1"));
  CHECK_THAT(message({.items = 5, .initial_deviation = 0}), ContainsSubstring("Hstu initial_deviation is 0"));
  const Model model({.items = 8, .width = 4, .max_length = 5});
  const auto users = toy_users({6}, 8, 0, 2);
  CHECK(message_of<ArgumentError>([&] { encode(model, ToyBatch(users, 8, 0)); }) ==
        "Hstu time_bias is true, expected a batch with the times of its events, this one has none");
  CHECK_THAT(message_of<ShapeError>([&] { encode(model, ToyBatch(with_times(users), 8, 0)); }),
             ContainsSubstring("6 items") && ContainsSubstring("position table 5 rows"));
}
