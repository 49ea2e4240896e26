// SPDX-License-Identifier: Apache-2.0
// What SasRec is with options that its paper does not have: against PyTorch, central differences and itself.
#include <string>

#include "seqrec/core/option_text.hpp"
#include "seqrec/models/sasrec.hpp"
#include "support/catch.hpp"
#include "support/encoders.hpp"
#include "support/golden_model.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::Golden, seqrec_test::ToyBatch;
using Model = SasRec<DoubleContext>;

namespace {

SasRecOptions small_options() {
  return {.items = 7, .width = 4, .blocks = 2, .heads = 2, .max_length = 6, .feed_forward_width = 3, .dropout = 0};
}

}  // namespace

TEST_CASE("SasRec's variants agree with PyTorch", "[models][golden]") {
  const std::string name =
      GENERATE(as<std::string>{}, "sasrec_swiglu", "sasrec_position_bias", "sasrec_time_bias", "sasrec_all_variants");
  CAPTURE(name);
  Golden golden(name);
  Model model = seqrec_test::model_of<Model>(golden);
  seqrec_test::check_gradients_of(golden, model);
  seqrec_test::check_states_and_scores_of(golden, model);
}

TEST_CASE("gradients of SasRec's variants are the derivatives of its loss", "[models]") {
  SasRecOptions options = small_options();
  options.dropout = GENERATE(0.0, 0.3);
  options.norm = GENERATE(NormPlacement::original, NormPlacement::pre, NormPlacement::post);
  options.units = HiddenUnits::swiglu;
  options.position_bias = options.time_bias = true;
  const NextItem objective = GENERATE(NextItem{.loss = BinaryCrossEntropy{}, .negatives = 2},
                                      NextItem{.loss = FullSoftmax{.leave_out_seen = true}});
  CAPTURE(option_text(options.norm), options.dropout, objective.name());
  Model model(options);
  seqrec_test::randomise(model, 12);
  seqrec_test::check_loss_gradients(model, objective, 1e-6);
}

TEST_CASE("a user's states under SasRec's variants do not depend on the batch", "[models]") {
  SasRecOptions options = small_options();
  options.max_length = 40;
  options.units = HiddenUnits::swiglu;
  options.position_bias = options.time_bias = true;
  Model model(options);
  seqrec_test::randomise(model, 3);
  seqrec_test::check_states_are_those_of_users_alone(model, 40);
}

TEST_CASE("biases of attention begin at zero, and a SasRec with them as one without", "[models]") {
  SasRecOptions options = small_options();
  const Model without(options);
  options.position_bias = options.time_bias = true;
  const Model with(options);
  CHECK_THAT(seqrec_test::shown_parameters(with),
             ContainsSubstring("blocks.1.attention.position_bias 2 6\nblocks.1.attention.time_bias 2 128\n"));
  const ToyBatch batch(seqrec_test::with_times(seqrec_test::toy_users({6, 0, 1, 4}, 7, 0, 2)), 7, 0);
  const auto a = seqrec_test::encode(with, batch), b = seqrec_test::encode(without, batch);
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == Approx(b[i]).epsilon(1e-12));
}

TEST_CASE("the state after an item does not depend on later items or times", "[models]") {
  SasRecOptions options = small_options();
  options.position_origin = PositionOrigin::start;
  options.position_bias = options.time_bias = true;
  Model model(options);
  seqrec_test::randomise(model, 3);
  auto users = seqrec_test::with_times(seqrec_test::toy_users({6}, 7, 0, 2));
  const auto before = seqrec_test::encode(model, ToyBatch(users, 7, 0));
  users[0].times[4] += 1'000'000;
  users[0].history[4] = (users[0].history[4] + 1) % 7;
  const auto after = seqrec_test::encode(model, ToyBatch(users, 7, 0));
  for (std::size_t i = 0; i < 16; ++i) CHECK(after[i] == before[i]);
  CHECK(after[16] != before[16]);
}

TEST_CASE("what SasRec's variants cannot read is named", "[models][errors]") {
  SasRecOptions options = small_options();
  options.time_bias = true;
  const Model timed(options);
  const ToyBatch untimed(seqrec_test::toy_users({3}, 7, 0, 2), 7, 0),
      long_one(seqrec_test::toy_users({7}, 7, 0, 2), 7, 0);
  CHECK(seqrec_test::message_of<ArgumentError>([&] { seqrec_test::encode(timed, untimed); }) ==
        "SasRec time_bias is true, expected a batch with the times of its events, this one has none");
  CHECK(std::string(timed.reads_times()) == "time_bias");
  CHECK(seqrec_test::message_of<ArgumentError>([&] {
          Model({.items = 2, .width = 4, .units = HiddenUnits::swiglu, .moe = {.experts = 2}});
        }) == "SasRec units is swiglu, expected relu with experts, whose units those are");
  options.time_bias = false;
  options.position_bias = true;
  const Model positioned(options);
  CHECK(positioned.reads_times() == nullptr);
  CHECK_THAT(seqrec_test::message_of<ShapeError>([&] { seqrec_test::encode(positioned, long_one); }),
             ContainsSubstring("7 items") && ContainsSubstring("position table 6 rows"));
}

TEST_CASE("a feed-forward network with SwiGLU is as wide as it is told", "[models]") {
  const Model model({.items = 2, .width = 6, .blocks = 1, .feed_forward_width = 16, .units = HiddenUnits::swiglu});
  CHECK_THAT(seqrec_test::shown_parameters(model),
             ContainsSubstring("blocks.0.w1.weight 16 6\nblocks.0.w2.weight 6 16\nblocks.0.w3.weight 16 6\n") &&
                 !ContainsSubstring("linear"));
}
