// SPDX-License-Identifier: Apache-2.0
#include "seqrec/layers/transformer_block.hpp"

#include <string>

#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::ToyBatch;
using T = Tape<DoubleContext>;

namespace {

/// Two blocks on rows of their own, the second after the first's pending sum, then the norm that must follow.
struct Probe : seqrec_test::LayerProbe<DoubleContext> {
  const ToyBatch& batch;
  MatrixParameter<DoubleContext> x;
  TransformerBlock<DoubleContext> first, second;
  LayerNorm<DoubleContext> last;

  Probe(const ToyBatch& toy, const TransformerBlockOptions& options)
      : batch(toy),
        x(store.scope().matrix("x", toy.rows(), options.width, Initialiser::normal(1))),
        first(store.scope("first"), options),
        second(store.scope("second"), options),
        last(store.scope("last"), options.width) {
    finish();
    seqrec_test::randomise(*this, 9, 0.4);
  }
  void operator()(T& tape) const {
    ResidualStream<DoubleContext> stream{seqrec_test::leaf(tape, x), {}};
    stream = first.forward(tape, batch.histories(), stream);
    stream = second.forward(tape, batch.histories(), stream);
    seqrec_test::weigh(tape, last.forward(tape, stream).y);
  }
};

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
