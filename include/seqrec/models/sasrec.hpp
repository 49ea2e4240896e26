// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "seqrec/autograd/parameter_store.hpp"
#include "seqrec/layers/embedding.hpp"
#include "seqrec/layers/transformer_block.hpp"
#include "seqrec/models/static_encoder.hpp"

namespace seqrec {

/// What a SasRec is made of. The defaults are the paper's for MovieLens-1M.
struct SasRecOptions {
  index_t items = 0;               ///< V, 1 .. 2^31-1; required
  index_t width = 50;              ///< D, 1 .. 65536
  index_t blocks = 2;              ///< 0 .. 256
  index_t heads = 1;               ///< a divisor of width
  index_t max_length = 200;        ///< longest history that is read; 1 .. 2^20
  index_t feed_forward_width = 0;  ///< F; 0 is width, as in the paper
  double dropout = 0.2;            ///< probability in [0, 1), everywhere
  NormPlacement norm = NormPlacement::original;
  PositionOrigin position_origin = PositionOrigin::end;
  double norm_epsilon = 1e-8;
  double initial_deviation = 0;  ///< of all weights; 0 is Xavier-normal (as SASRec.pytorch), .02 suits the full softmax
  std::uint64_t seed = 0;        ///< of the initial weights

  /// Shows every option by name, for checkpoints and result files.
  template <class Visitor>
  void for_each_option(Visitor&& visit) {
    visit("items", items);
    visit("width", width);
    visit("blocks", blocks);
    visit("heads", heads);
    visit("max_length", max_length);
    visit("feed_forward_width", feed_forward_width);
    visit("dropout", dropout);
    visit("norm", norm);
    visit("position_origin", position_origin);
    visit("norm_epsilon", norm_epsilon);
    visit("initial_deviation", initial_deviation);
    visit("seed", seed);
  }
};

/// Self-attentive sequential recommendation (Kang & McAuley 2018, arXiv:1808.09781; reference code kang205/SASRec).
///
/// x = dropout(sqrt(D) item + position); a stack of causal transformer blocks; a last layer norm. Items are scored with
/// the same table that embeds them.
/// Differs from the reference code: histories are packed, not padded; attention has an output projection.
template <class Context_>
class SasRec {
 public:
  using Context = Context_;
  using Options = SasRecOptions;
  static constexpr const char* name = "SasRec";

  /// @throws ArgumentError when an option is out of range
  explicit SasRec(const SasRecOptions& options, InitialValues begin = InitialValues::drawn)
      : options_(checked(options)),
        item_embedding_(parameters_.scope("item_embedding"), options_.items, options_.width, initial_weights()),
        position_embedding_(parameters_.scope("position_embedding"), options_.max_length, options_.width,
                            initial_weights()),
        blocks_(make_blocks()),
        final_norm_(parameters_.scope("final_norm"), options_.width, options_.norm_epsilon) {
    parameters_.initialise(begin, options_.seed);
  }

  /// The state after every item of every history.
  /// @return (N, D)   @throws ShapeError when a history is longer than max_length
  Variable<Context> encode(Tape<Context>& tape, const Batch<typename Context::Space>& batch) const {
    ResidualStream<Context> stream{
        embed_sequence(tape, batch, item_embedding_, &position_embedding_,
                       {std::sqrt(static_cast<double>(options_.width)), options_.position_origin, options_.dropout}),
        {}};
    for (const TransformerBlock<Context>& block : blocks_) stream = block.forward(tape, batch, stream);
    return final_norm_.forward(tape, stream).y;
  }

  /// Items are scored with the vectors that embed them.
  ItemHeadParameters<Context> item_head() const { return {&item_embedding_.weight}; }

  ParameterStore<Context>& parameters() { return parameters_; }
  const ParameterStore<Context>& parameters() const { return parameters_; }
  const SasRecOptions& options() const { return options_; }
  index_t num_items() const { return options_.items; }
  index_t max_length() const { return options_.max_length; }

 private:
  static const SasRecOptions& checked(const SasRecOptions& o) {
    check_argument(o.items >= 1 && o.items <= 2147483647, "SasRec items", o.items, "1 .. 2147483647");
    check_argument(o.width >= 1 && o.width <= 65536, "SasRec width", o.width, "1 .. 65536");
    check_argument(o.blocks >= 0 && o.blocks <= 256, "SasRec blocks", o.blocks, "0 .. 256");
    check_argument(o.heads >= 1 && o.width % o.heads == 0, "SasRec heads", o.heads, "a divisor of the width");
    check_argument(o.max_length >= 1 && o.max_length <= 1 << 20, "SasRec max_length", o.max_length, "1 .. 1048576");
    check_argument(o.feed_forward_width >= 0 && o.feed_forward_width <= 1 << 20, "SasRec feed_forward_width",
                   o.feed_forward_width, "0 .. 1048576");
    check_argument(o.dropout >= 0 && o.dropout < 1, "SasRec dropout", o.dropout, "a probability in [0, 1)");
    check_argument(o.norm_epsilon > 0 && std::isfinite(o.norm_epsilon), "SasRec norm_epsilon", o.norm_epsilon,
                   "a positive number");
    check_argument(o.initial_deviation >= 0 && std::isfinite(o.initial_deviation), "SasRec initial_deviation",
                   o.initial_deviation, "a number of at least 0");
    return o;
  }
  std::vector<TransformerBlock<Context>> make_blocks() {
    std::vector<TransformerBlock<Context>> blocks;
    const auto count = static_cast<std::size_t>(options_.blocks);
    blocks.reserve(count);
    const TransformerBlockOptions each{
        .width = options_.width,
        .heads = options_.heads,
        .feed_forward_width = options_.feed_forward_width != 0 ? options_.feed_forward_width : options_.width,
        .dropout = options_.dropout,
        .norm = options_.norm,
        .norm_epsilon = options_.norm_epsilon,
        .weights = initial_weights()};
    for (std::size_t i = 0; i < count; ++i) blocks.emplace_back(parameters_.scope("blocks") / i, each);
    return blocks;
  }
  Initialiser initial_weights() const {
    return options_.initial_deviation > 0 ? Initialiser::normal(options_.initial_deviation)
                                          : Initialiser::xavier_normal();
  }

  SasRecOptions options_;
  ParameterStore<Context> parameters_;
  Embedding<Context> item_embedding_;
  Embedding<Context> position_embedding_;
  std::vector<TransformerBlock<Context>> blocks_;
  LayerNorm<Context> final_norm_;
};

}  // namespace seqrec
