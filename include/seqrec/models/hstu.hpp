// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "seqrec/layers/embedding.hpp"
#include "seqrec/layers/hstu_block.hpp"
#include "seqrec/models/history_encoder.hpp"
#include "seqrec/models/static_encoder.hpp"

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
class Hstu : public HistoryEncoder<Context_, HstuOptions> {
  using Base = HistoryEncoder<Context_, HstuOptions>;
  using Base::options_, Base::parameters_;

 public:
  using Context = Context_;
  static constexpr const char* name = "Hstu";

  /// @throws ArgumentError when an option is out of range
  explicit Hstu(const HstuOptions& options, InitialValues begin = InitialValues::drawn)
      : Base(name, checked(options)),
        item_embedding_(Base::item_vectors("item_embedding", initial_weights())),
        position_embedding_(parameters_.scope("position_embedding"), options_.max_length, options_.width,
                            initial_weights()),
        blocks_(make_blocks()),
        final_norm_(parameters_.scope("final_norm"), options_.width, options_.norm_epsilon) {
    parameters_.initialise(begin, options_.seed);
  }

  /// The state after every item of every history.
  /// @return (N, D)   @throws ShapeError when a history is longer than max_length
  /// @throws ArgumentError when times are read and the batch has none
  Variable<Context> encode(Tape<Context>& tape, const Batch<typename Context::Space>& batch) const {
    check_batch_times(name, reads_times(), batch);
    ResidualStream<Context> stream{Base::embed_history(name, tape, batch, item_embedding_, &position_embedding_,
                                                       {std::sqrt(static_cast<double>(options_.width)),
                                                        options_.position_origin, options_.dropout}),
                                   {}};
    for (const HstuBlock<Context>& block : blocks_) stream = block.forward(tape, batch, stream);
    return final_norm_.forward(tape, stream).y;
  }

  /// The option by which times of events are read; null where they are not.
  const char* reads_times() const { return options_.time_bias ? "time_bias" : nullptr; }

  /// Items are scored with the vectors that embed them.
  ItemHeadParameters<Context> item_head() const { return {&item_embedding_.weight}; }

 private:
  static const HstuOptions& checked(const HstuOptions& o) {
    check_options(name, o);
    check_argument(o.width % o.heads == 0, "Hstu heads", o.heads, "a divisor of the width");
    return o;
  }
  std::vector<HstuBlock<Context>> make_blocks() {
    std::vector<HstuBlock<Context>> blocks;
    const auto count = static_cast<std::size_t>(options_.blocks);
    blocks.reserve(count);
    const HstuBlockOptions each{.width = options_.width,
                                .heads = options_.heads,
                                .max_length = options_.max_length,
                                .dropout = options_.dropout,
                                .norm_epsilon = options_.norm_epsilon,
                                .weights = initial_weights(),
                                .bias = {options_.position_bias ? options_.max_length : 0, options_.time_bias}};
    for (std::size_t i = 0; i < count; ++i) blocks.emplace_back(parameters_.scope("blocks") / i, each);
    return blocks;
  }
  Initialiser initial_weights() const { return Initialiser::normal(options_.initial_deviation); }

  Embedding<Context> item_embedding_;
  Embedding<Context> position_embedding_;
  std::vector<HstuBlock<Context>> blocks_;
  LayerNorm<Context> final_norm_;
};

}  // namespace seqrec
