// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "seqrec/layers/embedding.hpp"
#include "seqrec/layers/functions.hpp"
#include "seqrec/layers/gru.hpp"
#include "seqrec/layers/last_rows.hpp"
#include "seqrec/layers/linear.hpp"
#include "seqrec/models/history_encoder.hpp"
#include "seqrec/models/output_table.hpp"
#include "seqrec/models/recurrent_encoder.hpp"
#include "seqrec/models/static_encoder.hpp"

namespace seqrec {

/// What a Gru4Rec is made of.
struct Gru4RecOptions {
  index_t items = 0;  ///< required
  index_t width = 64;
  index_t hidden = 0;
  index_t layers = 1;
  index_t max_length = 200;
  double dropout = 0.2;
  double state_dropout = 0.2;
  GruReset reset = GruReset::after_product;
  OutputTable output_table = OutputTable::tied;
  bool item_bias = false;
  double initial_deviation = 0.02;
  index_t user_categories = 0;
  index_t item_categories = 0;
  std::uint64_t seed = 0;

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("items", items, in_range(1, 2147483647), "V, items of the catalogue");
    visit("width", width, in_range(1, 65536), "D, columns of the item vectors");
    visit("hidden", hidden, in_range(0, 65536), "F, columns of the recurrent states; 0 is the width");
    visit("layers", layers, in_range(1, 64), "of recurrent units");
    visit("max_length", max_length, in_range(1, 1 << 20), "how much of a history is read: its last so many items");
    visit("dropout", dropout, probability(), "of elements of item vectors to be dropped");
    visit("state_dropout", state_dropout, probability(), "of elements of each layer's states to be dropped");
    visit("reset", reset, any(),
          "where the reset gate acts: after the product as in PyTorch, before it as the authors'");
    visit("output_table", output_table, any(), "whether items are scored by the vectors that embed them");
    visit("item_bias", item_bias, any(), "adds a number for each item to the score");
    visit("initial_deviation", initial_deviation, not_negative(),
          "of the initial vectors of items; 0 is Xavier-uniform, as the authors'");
    visit("user_categories", user_categories, in_range(0, 1 << 24), "of features of users; 0 for none");
    visit("item_categories", item_categories, in_range(0, 1 << 24), "of features of items; 0 for none");
    visit("seed", seed, any(), "of the initial weights");
  }
};

/// GRU4Rec (Hidasi et al. 2016, arXiv:1511.06939; Hidasi & Karatzoglou 2018, arXiv:1706.03847) over users' histories: a
/// recurrent state after every item, trained through the whole history, scored with the item vectors.
///
/// state_r = projection(dropout(GRU(dropout(item_0), ..., dropout(item_r)))), the projection only where F is not D.
/// The authors train sessions in parallel lanes, one event at a time: `encode_step`, and a SessionTrainer.
template <class Context_>
class Gru4Rec : public HistoryEncoder<Context_, Gru4RecOptions> {
  using Base = HistoryEncoder<Context_, Gru4RecOptions>;
  using Base::options_, Base::parameters_;

 public:
  using Context = Context_;
  static constexpr const char* name = "Gru4Rec";
  static constexpr index_t users_together = recurrent_users_together;

  /// @throws ArgumentError when an option is out of range
  explicit Gru4Rec(const Gru4RecOptions& options, InitialValues begin = InitialValues::drawn)
      : Base(name, options),
        item_embedding_(Base::item_vectors("item_embedding", vectors())),
        gru_(parameters_.scope("gru"), options_.width, hidden(),
             {.layers = options_.layers,
              .reset = options_.reset,
              .dropout = options_.state_dropout,
              .xavier = options_.reset == GruReset::before_product}) {
    if (hidden() != options_.width) projection_.emplace(parameters_.scope("projection"), hidden(), options_.width);
    if (options_.output_table == OutputTable::separate)
      output_embedding_.emplace(Base::item_vectors("output_embedding", vectors()));
    if (options_.item_bias)
      item_bias_ = parameters_.scope().table("item_bias", options_.items, Initialiser::constant(0));
    parameters_.initialise(begin, options_.seed);
  }

  /// The state after every item of every history.
  /// @return (N, D)   @throws ShapeError when a history is longer than max_length
  Variable<Context> encode(Tape<Context>& tape, const Batch<typename Context::Space>& batch) const {
    const auto states = drop(tape, read(tape, batch), options_.state_dropout, batch.first_row);
    return projection_ ? projection_->forward(tape, states) : states;
  }

  /// The states after the last items, with the bits of `encode`: only those are projected.
  /// @return (B, D), zeros for an empty history   @throws as encode, ArgumentError for a tape that records
  Variable<Context> encode_last(Tape<Context>& tape, const Batch<typename Context::Space>& batch) const {
    const LastRows<Context> last(tape, batch);
    const auto states = last.of(read(tape, batch));
    return projection_ ? last.without_empty(projection_->forward(tape, states)) : states;
  }

  /// Columns of the states that `encode_step` takes and leaves: all layers', beside one another.
  index_t state_columns() const { return gru_.layers() * gru_.width(); }

  /// One event of every history, from the states before it; in training the states that go on are the dropped ones.
  /// @param batch histories of one item each   @param states initial, null for zeros, and final, written
  /// @return (B, D)   @throws ShapeError for longer histories, or states of another width
  Variable<Context> encode_step(Tape<Context>& tape, const Batch<typename Context::Space>& batch,
                                const RecurrentStates<Context>& states) const {
    const auto items = Base::embed_history(name, tape, batch, item_embedding_, nullptr, {.dropout = options_.dropout});
    const auto y = gru_.step(tape, batch, items, states, options_.state_dropout);
    return projection_ ? projection_->forward(tape, y) : y;
  }

  ItemHeadParameters<Context> item_head() const {
    return {output_embedding_ ? &output_embedding_->weight : &item_embedding_.weight,
            options_.item_bias ? &item_bias_ : nullptr};
  }

 private:
  /// The last layer's states.   @return (N, F)
  Variable<Context> read(Tape<Context>& tape, const Batch<typename Context::Space>& batch) const {
    Base::check_longest(name, batch.longest);
    return gru_.forward(
        tape, batch, Base::embed_history(name, tape, batch, item_embedding_, nullptr, {.dropout = options_.dropout}));
  }

  index_t hidden() const { return options_.hidden != 0 ? options_.hidden : options_.width; }
  Initialiser vectors() const {
    return options_.initial_deviation > 0 ? Initialiser::normal(options_.initial_deviation)
                                          : Initialiser::xavier_uniform();
  }

  Embedding<Context> item_embedding_;
  Gru<Context> gru_;
  std::optional<Linear<Context>> projection_;
  std::optional<Embedding<Context>> output_embedding_;
  VectorParameter<Context> item_bias_;
};

}  // namespace seqrec
