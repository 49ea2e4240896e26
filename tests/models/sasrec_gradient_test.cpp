// SPDX-License-Identifier: Apache-2.0
// The whole model and its losses against central differences, through the same step that trains it.
#include "seqrec/autograd/gradient_check.hpp"
#include "seqrec/core/option_text.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "seqrec/train/step.hpp"
#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::ToyBatch;

TEST_CASE("SasRec's gradients are the derivatives of its loss", "[models]") {
  constexpr int items = 7, negatives = 2;
  SasRecOptions options{.items = items, .width = 4, .blocks = 2, .max_length = 6, .feed_forward_width = 3};
  options.norm = GENERATE(NormPlacement::original, NormPlacement::pre, NormPlacement::post);
  options.position_origin = GENERATE(PositionOrigin::end, PositionOrigin::start);
  options.heads = GENERATE(1, 2);
  options.dropout = GENERATE(0.0, 0.3);
  const NextItem objective =
      GENERATE(NextItem{.loss = BinaryCrossEntropy{}, .negatives = negatives}, NextItem{.loss = FullSoftmax{}});
  CAPTURE(option_text(options.norm), option_text(options.position_origin), options.heads, options.dropout,
          objective.name());

  SasRec<DoubleContext> model(options);
  seqrec_test::randomise(model, 12);
  auto& parameters = model.parameters();
  const ToyBatch batch(seqrec_test::toy_users({6, 3, 1, 0, 2}, items, negatives, 5), items, negatives, {1, 3});
  DoubleContext::Team team(parameters.size(), {.threads = 1, .slots = 2});
  const auto loss = [&] { return compute_gradients(team, model, objective, batch, 21, 4); };
  loss();
  const GradientCheck check = check_gradients(parameters, team.gradients(), loss);
  INFO(check.text());
  CHECK(check.elements == parameters.num_elements());
  CHECK(check.worst < 1e-6);
}
