// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "seqrec/layers/hstu_block.hpp"
#include "seqrec/models/block_encoder.hpp"

namespace seqrec {

/// What an Hstu is made of. The defaults are the reference code's for MovieLens-1M.
struct HstuOptions {
  index_t items = 0;  ///< required
  index_t width = 50;
  index_t blocks = 2;
  index_t heads = 1;
  index_t max_length = 200;
  double dropout = 0.2;
  bool position_bias = true;
  bool time_bias = true;
  PositionOrigin position_origin = PositionOrigin::start;
  double norm_epsilon = 1e-6;
  double initial_deviation = 0.02;
  index_t user_categories = 0;
  index_t item_categories = 0;
  std::uint64_t seed = 0;

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("items", items, in_range(1, 2147483647), "V, items of the catalogue");
    visit("width", width, in_range(1, 65536), "D, columns of the model's activations");
    visit("blocks", blocks, in_range(0, 256), "units, one after another");
    visit("heads", heads, at_least(1), "attention heads, a divisor of the width");
    visit("max_length", max_length, in_range(1, 1 << 20), "how much of a history is read: its last so many items");
    visit("dropout", dropout, probability(), "of the embedded items, and of what each unit has gated");
    visit("position_bias", position_bias, any(),
          "a learned number is added to attention's logits for how many rows apart two items are");
    visit("time_bias", time_bias, any(), "and one for how long apart: the data must have times");
    visit("position_origin", position_origin, any(), "which end of a history positions are counted from");
    visit("norm_epsilon", norm_epsilon, positive(), "added to the variances of layer norms");
    visit("initial_deviation", initial_deviation, positive(), "of the initial weights");
    visit("user_categories", user_categories, in_range(0, 1 << 24), "of features of users; 0 for none");
    visit("item_categories", item_categories, in_range(0, 1 << 24), "of features of items; 0 for none");
    visit("seed", seed, any(), "of the initial weights");
  }
};

/// Hierarchical sequential transduction units (Zhai et al. 2024, arXiv:2402.17152; reference code
/// facebookresearch/generative-recommenders) as an encoder of items.
///
/// x = dropout(sqrt(D) item + position); a stack of HstuBlocks; a last layer norm. Items are scored with the same table
/// that embeds them.
/// Differs from the reference code: a bias of time is for the span between two events that have happened, where the
/// reference reads the time of the next event, which nobody knows who is to recommend it; states are normalised by a
/// layer norm and scored by dot products, not by cosines over a temperature.
template <class Context_>
class Hstu : public BlockEncoder<Context_, HstuOptions, HstuBlock<Context_>> {
  using Base = BlockEncoder<Context_, HstuOptions, HstuBlock<Context_>>;

 public:
  using Context = Context_;
  static constexpr const char* name = "Hstu";

  /// @throws ArgumentError when an option is out of range
  explicit Hstu(const HstuOptions& options, InitialValues begin = InitialValues::drawn)
      : Base(name, Base::check_heads(name, "Hstu heads", options), Initialiser::normal(options.initial_deviation),
             begin,
             HstuBlockOptions{.width = options.width,
                              .heads = options.heads,
                              .max_length = options.max_length,
                              .dropout = options.dropout,
                              .norm_epsilon = options.norm_epsilon,
                              .weights = Initialiser::normal(options.initial_deviation),
                              .bias = Base::bias_of(options)}) {}
};

}  // namespace seqrec
