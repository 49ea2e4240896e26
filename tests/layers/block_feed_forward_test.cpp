// SPDX-License-Identifier: Apache-2.0
#include "seqrec/layers/block_feed_forward.hpp"

#include <variant>

#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext;

TEST_CASE("a block's network is dense, or a mixture in a scope of its own", "[layers]") {
  ParameterStore<DoubleContext> parameters;
  const FeedForwardOptions dense{.width = 3, .hidden = 4};
  const BlockFeedForward<DoubleContext> one(parameters.scope("one"), dense, {}),
      other(parameters.scope("other"), dense, {.experts = 2, .top_k = 1, .balance = MoeBalanceKind::none});
  CHECK(std::holds_alternative<FeedForward<DoubleContext>>(one.network()));
  CHECK(std::holds_alternative<MoeFeedForward<DoubleContext>>(other.network()));
  CHECK(seqrec_test::shown_parameters(parameters) ==
        "one.linear1.weight 4 3\none.linear1.bias 4\none.linear2.weight 3 4\none.linear2.bias 3\n"
        "other.moe.router.weight 2 3\n"
        "other.moe.experts.linear1.weight 8 3\nother.moe.experts.linear1.bias 2 4\n"
        "other.moe.experts.linear2.weight 6 4\nother.moe.experts.linear2.bias 2 3\n"
        "other.moe.recent_loads 20\nother.moe.num_batches_tracked 1\n");
}

TEST_CASE("a block's network computes what its layer does", "[layers]") {
  ParameterStore<DoubleContext> parameters;
  const FeedForwardOptions dense{.width = 3, .hidden = 4};
  const MoeOptions moe{.experts = GENERATE(0, 4), .top_k = 1};
  const BlockFeedForward<DoubleContext> network(parameters.scope(), dense, moe);
  parameters.initialise(InitialValues::drawn, 1);
  seqrec_test::randomise(parameters, 2);
  DoubleContext context;
  Tape<DoubleContext> tape(context, Mode::inference);
  const auto x = tape.variable(5, 3), residual = tape.variable(5, 3);
  for (index_t i = 0; i < 15; ++i) x.value().data[i] = 0.3 * static_cast<double>(i) - 2;
  const auto found = network.forward(tape, x, residual, 0);
  const auto expected =
      std::visit([&](const auto& layer) { return layer.forward(tape, x, residual, 0); }, network.network());
  CHECK(found.residual.value().data == residual.value().data);
  CHECK(seqrec_test::deviation(found.branch.value(), std::span<const double>(expected.branch.value().data, 15)) == 0);
}
