// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "seqrec/layers/transformer_block.hpp"
#include "seqrec/models/block_encoder.hpp"

namespace seqrec {

/// What a SasRec is made of. The defaults are the paper's for MovieLens-1M.
struct SasRecOptions {
  index_t items = 0;  ///< required
  index_t width = 50;
  index_t blocks = 2;
  index_t heads = 1;
  index_t max_length = 200;
  index_t feed_forward_width = 0;
  double dropout = 0.2;
  NormPlacement norm = NormPlacement::original;
  PositionOrigin position_origin = PositionOrigin::end;
  double norm_epsilon = 1e-8;
  double initial_deviation = 0;
  index_t user_categories = 0;
  index_t item_categories = 0;
  HiddenUnits units = HiddenUnits::relu;
  bool position_bias = false;
  bool time_bias = false;
  std::uint64_t seed = 0;
  MoeOptions moe{};

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("items", items, in_range(1, 2147483647), "V, items of the catalogue");
    visit("width", width, in_range(1, 65536), "D, columns of the model's activations");
    visit("blocks", blocks, in_range(0, 256), "transformer blocks");
    visit("heads", heads, at_least(1), "attention heads, a divisor of the width");
    visit("max_length", max_length, in_range(1, 1 << 20), "how much of a history is read: its last so many items");
    visit("feed_forward_width", feed_forward_width, in_range(0, 1 << 20),
          "F, of the blocks' hidden layer; 0 is the width, as in the paper");
    visit("dropout", dropout, probability(), "of elements to be dropped, everywhere");
    visit("norm", norm, any(), "where a block normalises");
    visit("position_origin", position_origin, any(), "which end of a history positions are counted from");
    visit("norm_epsilon", norm_epsilon, positive(), "added to the variances of layer norms");
    visit("initial_deviation", initial_deviation, not_negative(),
          "of all initial weights; 0 is Xavier-normal (as SASRec.pytorch), 0.02 suits the full softmax");
    visit("user_categories", user_categories, in_range(0, 1 << 24), "of features of users; 0 for none");
    visit("item_categories", item_categories, in_range(0, 1 << 24), "of features of items; 0 for none");
    visit("units", units, any(), "of the blocks' feed-forward networks; swiglu has a third matrix and wants norm pre");
    visit("position_bias", position_bias, any(),
          "a learned number is added to attention's logits for how many rows apart two items are");
    visit("time_bias", time_bias, any(), "and one for how long apart: the data must have times");
    visit("seed", seed, any(), "of the initial weights");
    visit("moe_", moe);
  }
};

/// Self-attentive sequential recommendation (Kang & McAuley 2018, arXiv:1808.09781; reference code kang205/SASRec).
///
/// x = dropout(sqrt(D) item + position); a stack of causal transformer blocks; a last layer norm. Items are scored with
/// the same table that embeds them.
/// Differs from the reference code: histories are packed, not padded; attention has an output projection.
template <class Context_>
class SasRec : public BlockEncoder<Context_, SasRecOptions, TransformerBlock<Context_>> {
  using Base = BlockEncoder<Context_, SasRecOptions, TransformerBlock<Context_>>;

 public:
  using Context = Context_;
  static constexpr const char* name = "SasRec";

  /// @throws ArgumentError when an option is out of range
  explicit SasRec(const SasRecOptions& options, InitialValues begin = InitialValues::drawn)
      : Base(name, checked(options), weights(options), begin,
             TransformerBlockOptions{.width = options.width,
                                     .heads = options.heads,
                                     .feed_forward_width = units(options),
                                     .dropout = options.dropout,
                                     .norm = options.norm,
                                     .norm_epsilon = options.norm_epsilon,
                                     .weights = weights(options),
                                     .units = options.units,
                                     .moe = options.moe,
                                     .bias = Base::bias_of(options)}) {}

 private:
  static const SasRecOptions& checked(const SasRecOptions& o) {
    Base::check_heads(name, "SasRec heads", o);
    o.moe.check_together("SasRec moe_", units(o));
    check_argument(o.moe.dense() || o.units == HiddenUnits::relu, "SasRec units", option_text(o.units),
                   "relu with experts, whose units those are");
    return o;
  }
  /// Hidden units of a block's feed-forward network.
  static index_t units(const SasRecOptions& o) { return o.feed_forward_width != 0 ? o.feed_forward_width : o.width; }
  static Initialiser weights(const SasRecOptions& o) {
    return o.initial_deviation > 0 ? Initialiser::normal(o.initial_deviation) : Initialiser::xavier_normal();
  }
};

}  // namespace seqrec
