// SPDX-License-Identifier: Apache-2.0
// The whole model and its loss against central differences, through the same step that trains it.
#include "seqrec/autograd/gradient_check.hpp"
#include "seqrec/core/option_text.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/objectives/click.hpp"
#include "seqrec/train/step.hpp"
#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::ToyBatch;

TEST_CASE("Din's gradients are the derivatives of its loss", "[models]") {
  constexpr int items = 7, negatives = 2;
  DinOptions options{.items = items, .width = 4, .max_length = 6, .attention_hidden = {5, 3}, .hidden = {6, 3}};
  options.attention_activation = options.activation =
      GENERATE(Activation::prelu, Activation::dice, Activation::sigmoid);
  options.attention_softmax = GENERATE(true, false);
  options.dropout = GENERATE(0.0, 0.3);
  if (GENERATE(true, false)) {
    options.attention_hidden = {5};
    options.hidden = {};
    options.dot_product = options.item_bias = false;
  }
  CAPTURE(option_text(options.activation), options.attention_softmax, options.dropout,
          option_text(options.attention_hidden), options.dot_product);

  Din<DoubleContext> model(options);
  seqrec_test::randomise(model, 12);
  auto& parameters = model.parameters();
  const ToyBatch batch(seqrec_test::toy_users({6, 3, 1, 0, 2}, items, negatives, 5), items, negatives, {1, 3},
                       GENERATE(2, 1000));
  DoubleContext::Team team(parameters.size(), {.threads = 1, .slots = 2});
  const auto loss = [&] { return compute_gradients(team, model, Click{.negatives = negatives}, batch, 21, 4); };
  loss();
  const GradientCheck check = check_gradients(parameters, team.gradients(), loss);
  INFO(check.text());
  CHECK(check.worst < 1e-6);
}
