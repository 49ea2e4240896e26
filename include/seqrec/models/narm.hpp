// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "seqrec/layers/additive_attention.hpp"
#include "seqrec/layers/embedding.hpp"
#include "seqrec/layers/functions.hpp"
#include "seqrec/layers/gru.hpp"
#include "seqrec/layers/last_rows.hpp"
#include "seqrec/layers/linear.hpp"
#include "seqrec/models/history_encoder.hpp"
#include "seqrec/models/recurrent_encoder.hpp"
#include "seqrec/models/static_encoder.hpp"

namespace seqrec {

/// What a Narm is made of.
struct NarmOptions {
  index_t items = 0;  ///< required
  index_t width = 50;
  index_t hidden = 100;
  index_t layers = 1;
  index_t max_length = 50;
  double dropout = 0.25;
  double state_dropout = 0.5;
  Squash squash = Squash::sigmoid;
  bool softmax = false;
  double initial_deviation = 0;
  index_t user_categories = 0;
  index_t item_categories = 0;
  std::uint64_t seed = 0;

  /// As the paper's equations have it.
  static NarmOptions paper(index_t items) { return {.items = items}; }
  /// As the authors' code has it: hard sigmoids in the attention, weights that add up to 1.
  static NarmOptions official_code(index_t items) {
    return {.items = items, .squash = Squash::hard_sigmoid, .softmax = true};
  }

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("items", items, in_range(1, 2147483647), "V, items of the catalogue");
    visit("width", width, in_range(1, 65536), "D, columns of the item vectors");
    visit("hidden", hidden, in_range(1, 65536), "F, columns of the recurrent states, and units of the attention");
    visit("layers", layers, in_range(1, 64), "of recurrent units");
    visit("max_length", max_length, in_range(1, 1 << 20), "how much of a history is read: its last so many items");
    visit("dropout", dropout, probability(), "of elements of item vectors to be dropped");
    visit("state_dropout", state_dropout, probability(), "of elements before the bilinear decoder to be dropped");
    visit("squash", squash, any(), "what the attention makes of the sum of query and key");
    visit("softmax", softmax, any(), "whether the attention's weights of a row add up to 1");
    visit("initial_deviation", initial_deviation, not_negative(),
          "of the initial vectors of items; 0 is Xavier-normal");
    visit("user_categories", user_categories, in_range(0, 1 << 24), "of features of users; 0 for none");
    visit("item_categories", item_categories, in_range(0, 1 << 24), "of features of items; 0 for none");
    visit("seed", seed, any(), "of the initial weights");
  }
};

/// Neural attentive recommendation machine (Li et al. 2017, arXiv:1711.04725; reference code
/// lijingsdu/sessionRec_NARM).
///
/// h = GRU(dropout(items)) is what a session is about as a whole, c_t = sum over j <= t of a_tj h_j what its user is
/// after now; the state is B dropout([h_t, c_t]), and an item's score its vector's product with that (bilinear
/// decoder). Every position of a history is encoded in one pass, and none sees what comes after it. The weights a are
/// the paper's, made for sessions of a few clicks: c grows with the history. For long ones `softmax` makes them add up
/// to 1, as the reference code has it; docs/results.md has both at four lengths. Differs from the reference code: its
/// GRU's gates are hard sigmoids; it reads the *first* 19 items of a session.
template <class Context_>
class Narm : public HistoryEncoder<Context_, NarmOptions> {
  using Base = HistoryEncoder<Context_, NarmOptions>;
  using Base::options_, Base::parameters_;

 public:
  using Context = Context_;
  static constexpr const char* name = "Narm";
  static constexpr index_t users_together = recurrent_users_together;

  /// @throws ArgumentError when an option is out of range
  explicit Narm(const NarmOptions& options, InitialValues begin = InitialValues::drawn)
      : Base(name, options),
        item_embedding_(Base::item_vectors("item_embedding", vectors())),
        gru_(parameters_.scope("gru"), options_.width, options_.hidden, {.layers = options_.layers}),
        attention_(parameters_.scope("attention"), options_.hidden, options_.hidden,
                   {.squash = options_.squash, .softmax = options_.softmax}),
        decoder_(parameters_.scope("decoder"), 2 * options_.hidden, options_.width, {.bias = false}) {
    parameters_.initialise(begin, options_.seed);
  }

  /// The state after every item of every history.
  /// @return (N, D)   @throws ShapeError when a history is longer than max_length
  Variable<Context> encode(Tape<Context>& tape, const Batch<typename Context::Space>& batch) const {
    const auto states = read(tape, batch);
    const auto both = concatenate_columns(tape, states, attention_.forward(tape, batch, states));
    return decoder_.forward(tape, drop(tape, both, options_.state_dropout, batch.first_row));
  }

  /// The states after the last items, with the bits of `encode`: only those are decoded.
  /// @return (B, D), zeros for an empty history   @throws as encode, ArgumentError for a tape that records
  Variable<Context> encode_last(Tape<Context>& tape, const Batch<typename Context::Space>& batch) const {
    const LastRows<Context> last(tape, batch);
    const auto states = read(tape, batch);
    const auto purpose = last.of(attention_.forward(tape, batch, states));
    return last.without_empty(decoder_.forward(tape, concatenate_columns(tape, last.of(states), purpose)));
  }

  /// Items are scored with the vectors that embed them.
  ItemHeadParameters<Context> item_head() const { return {&item_embedding_.weight}; }

 private:
  /// The GRU's states.   @return (N, F)
  Variable<Context> read(Tape<Context>& tape, const Batch<typename Context::Space>& batch) const {
    Base::check_longest(name, batch.longest);
    return gru_.forward(
        tape, batch, Base::embed_history(name, tape, batch, item_embedding_, nullptr, {.dropout = options_.dropout}));
  }

  Initialiser vectors() const {
    return options_.initial_deviation > 0 ? Initialiser::normal(options_.initial_deviation)
                                          : Initialiser::xavier_normal();
  }

  Embedding<Context> item_embedding_;
  Gru<Context> gru_;
  AdditiveAttention<Context> attention_;
  Linear<Context> decoder_;  ///< (D, 2 F) B: columns of the whole before those of the present purpose
};

}  // namespace seqrec
