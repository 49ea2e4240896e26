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
  const std::string name = GENERATE(as<std::string>{}, "sasrec_swiglu");
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
  Model model(options);
  seqrec_test::randomise(model, 3);
  seqrec_test::check_states_are_those_of_users_alone(model, 40);
}

TEST_CASE("a feed-forward network with SwiGLU is as wide as it is told", "[models]") {
  const Model model({.items = 2, .width = 6, .blocks = 1, .feed_forward_width = 16, .units = HiddenUnits::swiglu});
  CHECK_THAT(seqrec_test::shown_parameters(model),
             ContainsSubstring("blocks.0.w1.weight 16 6\nblocks.0.w2.weight 6 16\nblocks.0.w3.weight 16 6\n") &&
                 !ContainsSubstring("linear"));
}
