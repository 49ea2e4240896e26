// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "seqrec/layers/embedding.hpp"
#include "seqrec/layers/last_rows.hpp"
#include "seqrec/layers/layer_norm.hpp"
#include "seqrec/layers/self_attention.hpp"
#include "seqrec/models/history_encoder.hpp"
#include "seqrec/models/static_encoder.hpp"

namespace seqrec {

/// What the encoders of stacked attention blocks share: x = dropout(sqrt(D) item + position), a stack of Blocks, a last
/// layer norm. A base for models whose Options have, beside HistoryEncoder's, `blocks`, `heads`, `max_length`,
/// `dropout`, `position_origin`, `norm_epsilon`, `position_bias` and `time_bias`.
template <class Context_, class Options_, class Block>
class BlockEncoder : public HistoryEncoder<Context_, Options_> {
  using Base = HistoryEncoder<Context_, Options_>;
  using Base::options_, Base::parameters_;

 public:
  using Context = Context_;

  /// The state after every item of every history.
  /// @return (N, D)   @throws ShapeError when a history is longer than max_length
  /// @throws ArgumentError when times or features of users are read and the batch has none
  Variable<Context> encode(Tape<Context>& tape, const Batch<typename Context::Space>& batch) const {
    ResidualStream<Context> stream = embed(tape, batch);
    for (const Block& block : blocks_) stream = block.forward(tape, batch, stream);
    return final_norm_.forward(tape, stream).y;
  }

  /// The states after the last items, with the bits of `encode`: the last block works out no other row.
  /// @return (B, D), zeros for an empty history   @throws as encode, ArgumentError for a tape that records
  Variable<Context> encode_last(Tape<Context>& tape, const Batch<typename Context::Space>& batch) const {
    const LastRows<Context> last(tape, batch);
    ResidualStream<Context> stream = embed(tape, batch);
    if (blocks_.empty()) {
      stream = {last.of(stream.residual), {}};
    } else {
      for (std::size_t i = 0; i + 1 < blocks_.size(); ++i) stream = blocks_[i].forward(tape, batch, stream);
      stream = blocks_.back().forward_last(tape, batch, stream, last);
    }
    return last.without_empty(final_norm_.forward(tape, stream).y);
  }

  /// Whether a history can be read on, one item after another (`encode_next`): only where positions are counted from
  /// its start, because else every item has another position after the next.
  bool reads_on() const { return options_.position_origin == PositionOrigin::start; }

  /// Columns of what `encode_next` keeps of a row: keys and values of each block.
  index_t kept_columns() const { return 2 * options_.width * std::ssize(blocks_); }

  /// The state after the last item of one history, of whose earlier rows keys and values are kept; with the bits of
  /// `encode_last`.
  /// @param batch of the whole history, n items   @param kept (n, kept_columns()), all rows but the last one from
  ///              earlier calls, the last one written
  /// @return (1, D)   @throws as encode_last
  Variable<Context> encode_next(Tape<Context>& tape, const Batch<typename Context::Space>& batch,
                                matrix_of<Context> kept) const {
    ResidualStream<Context> stream{LastRows<Context>(tape, batch).of(embed(tape, batch).residual), {}};
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      const index_t width = 2 * options_.width, first = static_cast<index_t>(i) * width;
      stream = blocks_[i].forward_next(tape, batch, stream, kept.column_range(first, width));
    }
    return final_norm_.forward(tape, stream).y;
  }

  /// The option by which times of events are read; null where they are not.
  const char* reads_times() const { return options_.time_bias ? "time_bias" : nullptr; }

  /// Items are scored with the vectors that embed them.
  ItemHeadParameters<Context> item_head() const { return {&item_embedding_.weight}; }

 protected:
  /// @param name of the model, for messages   @param weights how vectors begin   @param block  options of each block
  template <class BlockOptions>
  BlockEncoder(const char* name, const Options_& options, const Initialiser& weights, InitialValues begin,
               const BlockOptions& block)
      : Base(name, options),
        name_(name),
        item_embedding_(Base::item_vectors("item_embedding", weights)),
        position_embedding_(parameters_.scope("position_embedding"), options_.max_length, options_.width, weights),
        blocks_(make_blocks(block)),
        final_norm_(parameters_.scope("final_norm"), options_.width, options_.norm_epsilon) {
    parameters_.initialise(begin, options_.seed);
  }

  /// @throws ArgumentError when an option is out of range, or heads do not divide the width
  static const Options_& check_heads(const char* name, const char* heads, const Options_& o) {
    check_options(name, o);
    check_argument(o.width % o.heads == 0, heads, o.heads, "a divisor of the width");
    return o;
  }
  /// What attention adds to its logits.
  static AttentionBiasOptions bias_of(const Options_& o) { return {o.position_bias ? o.max_length : 0, o.time_bias}; }

 private:
  /// What the blocks begin from.
  ResidualStream<Context> embed(Tape<Context>& tape, const Batch<typename Context::Space>& batch) const {
    check_batch_times(name_, reads_times(), batch);
    return {Base::embed_history(
                name_, tape, batch, item_embedding_, &position_embedding_,
                {std::sqrt(static_cast<double>(options_.width)), options_.position_origin, options_.dropout}),
            {}};
  }

  template <class BlockOptions>
  std::vector<Block> make_blocks(const BlockOptions& each) {
    std::vector<Block> blocks;
    const auto count = static_cast<std::size_t>(options_.blocks);
    blocks.reserve(count);
    for (std::size_t i = 0; i < count; ++i) blocks.emplace_back(parameters_.scope("blocks") / i, each);
    return blocks;
  }

  const char* name_;
  Embedding<Context> item_embedding_;
  Embedding<Context> position_embedding_;
  std::vector<Block> blocks_;
  LayerNorm<Context> final_norm_;
};

}  // namespace seqrec
