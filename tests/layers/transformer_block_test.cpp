// SPDX-License-Identifier: Apache-2.0
#include "seqrec/layers/transformer_block.hpp"

#include <string>

#include "layers/two_blocks.hpp"
#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::ToyBatch;
using T = Tape<DoubleContext>;

namespace {

using Probe = seqrec_test::TwoBlocks<TransformerBlock<DoubleContext>, TransformerBlockOptions>;

}  // namespace

TEST_CASE("a transformer block's gradients are its derivatives", "[layers]") {
  const ToyBatch batch(seqrec_test::toy_users({3, 0, 1, 4}, 4, 0, 1), 4, 0);
  TransformerBlockOptions options{.width = 6, .heads = 2, .feed_forward_width = 5};
  options.norm = GENERATE(NormPlacement::original, NormPlacement::pre, NormPlacement::post);
  options.dropout = GENERATE(0.0, 0.3);
  Probe probe(batch, options);
  const GradientCheck check = seqrec_test::check_probe(probe);
  INFO(check.text());
  CHECK(check.worst < 1e-6);
}

TEST_CASE("norm placements differ in what they compute, not in their parameters", "[layers]") {
  const ToyBatch batch(seqrec_test::toy_users({3, 1}, 4, 0, 1), 4, 0);
  double losses[3];
  for (const NormPlacement norm : {NormPlacement::original, NormPlacement::pre, NormPlacement::post}) {
    Probe probe(batch, {.width = 4, .heads = 1, .feed_forward_width = 6, .norm = norm});
    std::string names;
    for (const auto& entry : probe.parameters().entries())
      if (entry.name.starts_with("first.")) names += entry.name.substr(6) + " ";
    CHECK(names ==
          "attention_norm.weight attention_norm.bias attention.in_proj_weight attention.in_proj_bias "
          "attention.out_proj.weight attention.out_proj.bias feed_forward_norm.weight feed_forward_norm.bias "
          "linear1.weight linear1.bias linear2.weight linear2.bias ");
    DoubleContext context;
    context.reserve_gradients(probe.parameters().size());
    losses[static_cast<int>(norm)] = seqrec_test::record_and_run(context, probe);
  }
  CHECK(losses[0] != losses[1]);
  CHECK(losses[0] != losses[2]);
  CHECK(losses[1] != losses[2]);
}

TEST_CASE("a post-norm block refuses a sum that is still pending", "[layers]") {
  const ToyBatch batch(seqrec_test::toy_users({2}, 4, 0, 1), 4, 0);
  ParameterStore<DoubleContext> parameters;
  const TransformerBlock<DoubleContext> block(parameters.scope(),
                                              {.width = 4, .feed_forward_width = 4, .norm = NormPlacement::post});
  parameters.initialise(InitialValues::drawn, 1);
  DoubleContext context;
  T tape(context, Mode::inference);
  const auto x = tape.variable(2, 4);
  CHECK_THAT(seqrec_test::message_of<ArgumentError>([&] {
               block.forward(tape, batch.histories(), {x, x});
             }),
             ContainsSubstring("post-norm") && ContainsSubstring("pending"));
}

TEST_CASE("norm placements have names for option texts", "[layers]") {
  CHECK(std::string(names_of(NormPlacement{})[static_cast<std::size_t>(NormPlacement::original)]) == "original");
  CHECK(std::string(names_of(NormPlacement{})[static_cast<std::size_t>(NormPlacement::pre)]) == "pre");
  CHECK(std::string(names_of(NormPlacement{})[static_cast<std::size_t>(NormPlacement::post)]) == "post");
}
