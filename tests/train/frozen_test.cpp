// SPDX-License-Identifier: Apache-2.0
// Training a part of a model: what is frozen keeps its bits, whatever else moves weights, and the rest is trained.
#include <string>
#include <utility>
#include <vector>

#include "seqrec/cpu.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/objectives/click.hpp"
#include "seqrec/train/trainer.hpp"
#include "support/catch.hpp"
#include "support/parameters.hpp"

using namespace seqrec;
using seqrec_test::values_of;

namespace {

const Split& toy_split() {
  static const Dataset data = synthetic_dataset({.users = 40, .items = 50, .genres = 5, .max_events = 15});
  static const Split split = leave_one_out(data);
  return split;
}

SasRec<cpu::Context> sasrec() {
  return SasRec<cpu::Context>({.items = 50, .width = 8, .blocks = 1, .max_length = 10, .seed = 3});
}
Din<cpu::Context> din() {
  return Din<cpu::Context>({.items = 50,
                            .width = 8,
                            .max_length = 6,
                            .attention_hidden = {6},
                            .attention_activation = Activation::dice,
                            .attention_softmax = false,
                            .hidden = {7},
                            .activation = Activation::dice,
                            .seed = 3});
}

/// One epoch with all that touches weights beside their gradients: weight decay, clipping, averaging.
TrainerOptions toy_options(std::vector<std::string> frozen) {
  return {.epochs = 1,
          .batch_size = 8,
          .learning_rate = 1e-2,
          .optimizer = AdamW(0.1),
          .clip_norm = 0.5,
          .frozen = std::move(frozen),
          .ema_decay = 0.5,
          .seed = 5,
          .team = {.threads = 2},
          .log = nullptr};
}

/// The parameters that an epoch leaves as they were.
template <class Model>
std::vector<std::string> kept_by_training(Model (*make)(), const TrainerOptions& options) {
  Model model = make();
  const Model before = make();
  Trainer(options).fit(model, toy_split(), Click{});
  std::vector<std::string> kept;
  for (const ParameterEntry& entry : model.parameters().entries())
    if (values_of(model.parameters(), entry) == values_of(before.parameters(), entry)) kept.push_back(entry.name);
  return kept;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("frozen parameters of SasRec keep their bits, and all others move", "[train]") {
  CHECK(kept_by_training(sasrec, toy_options({})).empty());
  CHECK(kept_by_training(sasrec, toy_options({"item_embedding"})) == Texts{"item_embedding.weight"});
  CHECK(kept_by_training(sasrec, toy_options({"final_norm.bias", "blocks.0.linear1"})) ==
        Texts{"blocks.0.linear1.weight", "blocks.0.linear1.bias", "final_norm.bias"});
  TrainerOptions lazy = toy_options({"position_embedding.weight"});
  lazy.rows = TableRows::lazy;
  lazy.optimizer = Sgd{.momentum = 0.9};
  CHECK(kept_by_training(sasrec, lazy) == Texts{"position_embedding.weight"});
}

TEST_CASE("frozen statistics of Din keep their bits, and all others move", "[train]") {
  CHECK(kept_by_training(din, toy_options({})).empty());
  Texts network;
  const auto model = din();
  for (const ParameterEntry& entry : model.parameters().entries())
    if (entry.name.starts_with("network.")) network.push_back(entry.name);
  REQUIRE(network.size() >= 8);  // two layers, and the slopes and statistics of Dice
  CHECK(kept_by_training(din, toy_options({"network"})) == network);
}

TEST_CASE("a model whose parameters are all frozen stays as it was", "[train]") {
  Texts all;
  const auto model = sasrec();
  for (const ParameterEntry& entry : model.parameters().entries()) all.push_back(entry.name);
  CHECK(kept_by_training(sasrec, toy_options(all)) == all);
}

TEST_CASE("what is frozen must be a parameter, or begin names up to a dot", "[train][errors]") {
  const std::string name = GENERATE(as<std::string>{}, "item_embeddings", "item_embed", "blocks.1", "blocks.0.linear",
                                    "item_embedding.", "", ".");
  auto model = sasrec();
  const auto before = seqrec_test::weights_of(model);
  CHECK_THAT(seqrec_test::message_of<ArgumentError>([&] {
               Trainer(toy_options({"final_norm", name})).fit(model, toy_split(), Click{});
             }),
             ContainsSubstring("frozen is '" + name + "', expected a parameter of the model") &&
                 ContainsSubstring("item_embedding.weight, "));
  CHECK(seqrec_test::weights_of(model) == before);
}
