// SPDX-License-Identifier: Apache-2.0
#include "seqrec/models/narm.hpp"

#include <string>
#include <type_traits>
#include <vector>

#include "seqrec/io/checkpoint.hpp"
#include "support/encoders.hpp"
#include "support/golden_model.hpp"
#include "support/parameters.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using namespace seqrec_test;
using Model = Narm<DoubleContext>;

static_assert(StaticEncoder<Model>);
static_assert(std::is_nothrow_move_constructible_v<Model> && !std::is_copy_constructible_v<Model>);

namespace {

constexpr int items = 40;

Model random_model(const NarmOptions& options) {
  Model model(options);
  randomise(model, 4);
  return model;
}

}  // namespace

TEST_CASE("Narm's parameters have names and shapes", "[models]") {
  CHECK(shown_parameters(Model({.items = 9, .width = 4, .hidden = 5})) ==
        "item_embedding.weight 9 4\n"
        "gru.weight_ih_l0 15 4\ngru.weight_hh_l0 15 5\ngru.bias_ih_l0 15\ngru.bias_hh_l0 15\n"
        "attention.query.weight 5 5\nattention.key.weight 5 5\nattention.weight 5\n"
        "decoder.weight 4 10\n");
}

TEST_CASE("Narm has the paper's attention, or that of the authors' code", "[models]") {
  CHECK(NarmOptions::paper(7).squash == Squash::sigmoid);
  CHECK(!NarmOptions::paper(7).softmax);
  CHECK(NarmOptions::official_code(7).squash == Squash::hard_sigmoid);
  CHECK(NarmOptions::official_code(7).softmax);
  CHECK(NarmOptions::official_code(7).items == 7);
}

TEST_CASE("Narm agrees with PyTorch", "[models]") {
  const std::string name = GENERATE(as<std::string>{}, "paper_bce", "official_code_softmax");
  CAPTURE(name);
  Golden golden("narm_" + name);
  Model model = model_of<Model>(golden, {.dropout = 0, .state_dropout = 0});
  check_gradients_of(golden, model);
  check_states_and_scores_of(golden, model);
}

TEST_CASE("every row of Narm encodes its prefix, whatever the batch around it", "[models]") {
  const Model model =
      random_model({.items = items, .width = 6, .hidden = 7, .max_length = 200, .softmax = GENERATE(false, true)});
  check_states_are_those_of_prefixes(model, 200);
}

TEST_CASE("Narm's gradients are the derivatives of its loss", "[models]") {
  constexpr int few_items = 7, negatives = 2;
  NarmOptions options{.items = few_items, .width = 4, .hidden = 3, .max_length = 6};
  options.dropout = options.state_dropout = GENERATE(0.0, 0.3);
  options.softmax = options.dropout > 0;
  const NextItem objective =
      GENERATE(NextItem{.loss = BinaryCrossEntropy{}, .negatives = negatives}, NextItem{.loss = FullSoftmax{}});
  CAPTURE(options.dropout, objective.name());
  Model model = random_model(options);
  check_loss_gradients(model, objective, 5e-6);
}

TEST_CASE("Narm comes back from its checkpoint", "[models]") {
  const TemporaryDirectory directory;
  const Model model = random_model({.items = items, .width = 6, .hidden = 5, .squash = Squash::hard_sigmoid});
  save(directory / "model", model);
  const Model loaded = load<Model>(directory / "model");
  CHECK(weights_of(loaded) == weights_of(model));
  CHECK(encode(loaded, {1, 2, 3}) == encode(model, {1, 2, 3}));
}

TEST_CASE("each option of Narm out of range is named with its value and the range", "[models][errors]") {
  const auto message = [](const NarmOptions& options) {
    return message_of<ArgumentError>([&] { Model model(options); });
  };
  CHECK_THAT(message({}), ContainsSubstring("Narm items is 0, expected 1 .. 2147483647"));
  CHECK_THAT(message({.items = 5, .hidden = 0}), ContainsSubstring("Narm hidden is 0"));
  CHECK_THAT(message({.items = 5, .layers = 0}), ContainsSubstring("Narm layers is 0"));
  CHECK_THAT(message({.items = 5, .state_dropout = 1}), ContainsSubstring("Narm state_dropout is 1"));
}
