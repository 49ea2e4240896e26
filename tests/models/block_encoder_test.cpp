// SPDX-License-Identifier: Apache-2.0
#include "seqrec/models/block_encoder.hpp"

#include <cmath>
#include <string>

#include "seqrec/layers/transformer_block.hpp"
#include "support/encoders.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

struct ToyOptions {
  index_t items = 6, width = 4, blocks = 0, heads = 2, max_length = 5;
  double dropout = 0, norm_epsilon = 1e-8;
  PositionOrigin position_origin = PositionOrigin::start;
  bool position_bias = false, time_bias = false;
  index_t user_categories = 0, item_categories = 0;
  std::uint64_t seed = 3;

  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("heads", heads, at_least(1), "a divisor of the width");
  }
};

struct Toy : BlockEncoder<DoubleContext, ToyOptions, TransformerBlock<DoubleContext>> {
  using Base = BlockEncoder<DoubleContext, ToyOptions, TransformerBlock<DoubleContext>>;
  explicit Toy(const ToyOptions& o)
      : Base("Toy", check_heads("Toy", "Toy heads", o), Initialiser::normal(1), InitialValues::drawn,
             TransformerBlockOptions{
                 .width = o.width, .heads = o.heads, .norm = NormPlacement::pre, .bias = bias_of(o)}) {}
};

}  // namespace

TEST_CASE("without blocks a state is the norm of its item and position", "[models]") {
  Toy model({});
  randomise(model, 2);
  CHECK(shown_parameters(model) ==
        "item_embedding.weight 6 4\nposition_embedding.weight 5 4\nfinal_norm.weight 4\nfinal_norm.bias 4\n");
  const auto& parameters = model.parameters();
  const auto of = [&](std::size_t entry) { return parameters.values(parameters.entries()[entry]); };
  const std::vector<double> state = encode(model, {2, 5});
  double x[4], mean = 0, variance = 0;
  for (index_t d = 0; d < 4; ++d) mean += (x[d] = 2 * of(0)(5 * 4 + d) + of(1)(4 + d)) / 4;
  for (const double element : x) variance += (element - mean) * (element - mean) / 4;
  for (index_t d = 0; d < 4; ++d)
    CHECK(state.at(static_cast<std::size_t>(4 + d)) ==
          Approx((x[d] - mean) / std::sqrt(variance + 1e-8) * of(2)(d) + of(3)(d)));
}

TEST_CASE("blocks are numbered, and biases asked for by their options", "[models]") {
  const Toy model({.blocks = 2, .position_bias = true, .time_bias = true});
  const std::string shown = shown_parameters(model);
  CHECK_THAT(shown, ContainsSubstring("blocks.1.attention.position_bias 2 5\n"));
  CHECK_THAT(shown, ContainsSubstring("blocks.0.attention.time_bias 2 128\n"));
  CHECK(std::string(model.reads_times()) == "time_bias");
  CHECK(Toy({}).reads_times() == nullptr);
  CHECK_THROWS_WITH(encode(model, {1, 2}), ContainsSubstring("time_bias"));
}

TEST_CASE("heads that do not divide the width are named with their model", "[models][errors]") {
  CHECK_THROWS_WITH(Toy({.heads = 3}), "Toy heads is 3, expected a divisor of the width");
}
