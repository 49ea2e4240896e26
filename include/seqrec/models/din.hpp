// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "seqrec/layers/candidate_attention.hpp"
#include "seqrec/layers/embedding.hpp"
#include "seqrec/layers/feature_embedding.hpp"
#include "seqrec/layers/functions.hpp"
#include "seqrec/layers/mlp.hpp"
#include "seqrec/models/candidate_encoder.hpp"
#include "seqrec/models/item_model.hpp"

namespace seqrec {

/// What a Din is made of.
struct DinOptions {
  index_t items = 0;  ///< required
  index_t width = 64;
  index_t max_length = 50;
  index_t training_length = 500;
  std::vector<index_t> attention_hidden = {80, 40};  ///< see CandidateAttentionOptions' presets
  Activation attention_activation = Activation::prelu;
  bool attention_softmax = true;
  index_t attention_heads = 1;
  bool recency_bias = false;
  bool time_decay = false;
  std::vector<index_t> hidden = {128, 64};
  Activation activation = Activation::prelu;
  double dropout = 0.2;
  double initial_deviation = 0.1;
  bool dot_product = true;
  bool item_bias = true;
  index_t user_categories = 0;
  index_t item_categories = 0;
  index_t feature_width = 8;
  std::uint64_t seed = 0;

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("items", items, in_range(1, 2147483647), "V, items of the catalogue");
    visit("width", width, in_range(1, 65536), "D, columns of the item vectors");
    visit("max_length", max_length, in_range(1, 1 << 20), "most recent items that a candidate sees");
    visit("training_length", training_length, in_range(0, 1 << 20),
          "last positions of a user that are trained; max_length if less");
    visit("attention_hidden", attention_hidden, widths(1, 1 << 20), "of the attention's hidden layers, 1 to 3 of them");
    visit("attention_activation", attention_activation, any(), "after each of them");
    visit("attention_softmax", attention_softmax, any(), "whether weights of a history add up to 1");
    visit("attention_heads", attention_heads, in_range(1, 65536),
          "divide the width: each weighs its columns of the history's vectors");
    visit("recency_bias", recency_bias, any(),
          "adds a learned number for each distance from the newest item to the attention's scores; needs the softmax");
    visit("time_decay", time_decay, any(),
          "adds one for the time from each item to the newest, too: the data must have times; needs the softmax");
    visit("hidden", hidden, widths(1, 1 << 20), "of the ranking network's hidden layers");
    visit("activation", activation, any(), "after each of them");
    visit("dropout", dropout, probability(), "of elements of history vectors and in the ranking network to be dropped");
    visit("initial_deviation", initial_deviation, not_negative(), "of the vectors of items and categories");
    visit("dot_product", dot_product, any(), "adds u q to the network's score");
    visit("item_bias", item_bias, any(), "adds a number for each item to the score");
    visit("user_categories", user_categories, in_range(0, 1 << 24), "of features of users; 0 for none");
    visit("item_categories", item_categories, in_range(0, 1 << 24), "of features of items; 0 for none");
    visit("feature_width", feature_width, in_range(1, 65536), "columns of a category's vector");
    visit("seed", seed, any(), "of the initial weights");
  }
};

/// Deep Interest Network (Zhou et al. 2018, arXiv:1706.06978; reference code zhougr1993/DeepInterestNetwork).
///
/// A user is seen through the candidate: u = attention of the candidate q to the history; score = MLP([u, q, u * q,
/// features]) + u q + bias(item). All positions of a history are trained at once: a candidate says how much of the
/// history it may see.
/// The network cannot see in which order a history was, nor when; with `recency_bias` and `time_decay` the attention
/// can. Differs from the reference code: u q is a term of its own (without it the network spends its first epochs on
/// learning popularity alone); no batch normalisation; Dice normalises by running statistics.
///
/// The time decay counts ages to the newest event that a candidate sees, in serving as in training. A request does not
/// say when it asks: training has no such moment (a log tells when the next event was, which is not known beforehand),
/// and ages shifted by it would fall into buckets that were never learned together.
template <class Context_>
class Din : public ItemModel<Context_, DinOptions> {
  using Base = ItemModel<Context_, DinOptions>;
  using Base::options_, Base::parameters_;

 public:
  using Context = Context_;
  using Space = typename Context::Space;
  static constexpr const char* name = "Din";

  /// Scores, and where they come from.
  struct Explained {
    Variable<Context> scores;    ///< (C, 1) log-odds
    vector_of<Context> weights;  ///< (H pairs) attention to each visible item, oldest first, head after head
    Variable<Context> products;  ///< (C, 1) u q, a part of the score; null without dot_product
    Variable<Context> interest;  ///< (C, D) u, what the history says to each candidate
  };

  /// @throws ArgumentError when an option is out of range, or there is a recency bias or a time decay without a softmax
  explicit Din(const DinOptions& options, InitialValues begin = InitialValues::drawn)
      : Base(name, options),
        item_embedding_(parameters_.scope("item_embedding"), options.items, options.width, vectors()),
        attention_(parameters_.scope("attention"), {.width = options.width,
                                                    .hidden = options.attention_hidden,
                                                    .activation = options.attention_activation,
                                                    .softmax = options.attention_softmax,
                                                    .heads = attention_heads(options),
                                                    .recency = recency_distances(options),
                                                    .time_decay = decays(options)}),
        network_(parameters_.scope("network"), {.inputs = 3 * options.width + feature_inputs(options),
                                                .hidden = options.hidden,
                                                .activation = options.activation,
                                                .dropout = options.dropout}) {
    if (options.item_bias)
      item_bias_.emplace(parameters_.scope("item_bias"), options.items, 1, Initialiser::constant(0));
    if (options.user_categories != 0)
      user_features_.emplace(parameters_.scope("user_features"), options.user_categories, options.feature_width,
                             vectors());
    if (options.item_categories != 0)
      item_features_.emplace(parameters_.scope("item_features"), options.item_categories, options.feature_width,
                             vectors());
    parameters_.initialise(begin, options_.seed);
  }

  /// @return (C, 1) log-odds
  /// @throws ArgumentError when the batch lacks features that the model was made for, or times with a time decay
  Variable<Context> score(Tape<Context>& tape, const Batch<Space>& batch, const Candidates<Space>& candidates) const {
    return explain(tape, batch, candidates).scores;
  }

  /// The same with the weight of each history item.
  Explained explain(Tape<Context>& tape, const Batch<Space>& batch, const Candidates<Space>& candidates) const {
    if (options_.time_decay && !batch.times && batch.rows() != 0)
      throw ArgumentError("Din time_decay is true, expected a batch with the times of its events, this one has none");
    const auto keys = embed_sequence<Context>(tape, batch, item_embedding_, nullptr, {.dropout = options_.dropout});
    const auto queries = embed_candidates(tape, candidates, item_embedding_.weight);
    const auto [interest, weights] = attention_.forward(tape, batch, candidates, keys, queries);
    const auto features = embed_all_features(tape, batch, candidates);
    auto scores = network_.forward(tape, interact(tape, interest, queries, features), candidates.first_candidate);
    Variable<Context> products;
    if (options_.dot_product) {
      products = row_dot(tape, interest, queries);
      scores = sum(tape, scores, products);
    }
    if (item_bias_) scores = sum(tape, scores, embed_candidates(tape, candidates, item_bias_->weight));
    return {scores, weights, products, interest};
  }

  /// The option by which times of events are read; null where they are not.
  const char* reads_times() const { return options_.time_decay ? "time_decay" : nullptr; }

  index_t training_length() const { return std::max(options_.max_length, options_.training_length); }

 private:
  Initialiser vectors() const { return Initialiser::normal(options_.initial_deviation); }

  static index_t attention_heads(const DinOptions& o) {
    if (o.width % o.attention_heads != 0)
      throw ArgumentError(
          concatenate("Din attention_heads is ", o.attention_heads, ", expected a divisor of width ", o.width));
    return o.attention_heads;
  }

  static index_t recency_distances(const DinOptions& o) {
    if (!o.recency_bias) return 0;
    check_argument(o.attention_softmax, "Din recency_bias", "true", "false without attention_softmax");
    return o.max_length;
  }

  static bool decays(const DinOptions& o) {
    check_argument(!o.time_decay || o.attention_softmax, "Din time_decay", "true", "false without attention_softmax");
    return o.time_decay;
  }

  static index_t feature_inputs(const DinOptions& o) {
    return (o.user_categories != 0 ? o.feature_width : 0) + (o.item_categories != 0 ? o.feature_width : 0);
  }

  /// What is known of user and item, side by side; null for a model without features.
  Variable<Context> embed_all_features(Tape<Context>& tape, const Batch<Space>& batch,
                                       const Candidates<Space>& candidates) const {
    const Features<Space>& known = batch.features;
    Variable<Context> of_users, of_items;
    if (user_features_) {
      check_features(name, "users", known.of_users && batch.profiles, known.user_categories, options_.user_categories);
      of_users = embed_features(tape, {batch.profiles, candidates.items.offsets, known.of_users}, candidates.size(),
                                *user_features_);
    }
    if (item_features_) {
      check_features(name, "items", static_cast<bool>(known.of_items), known.item_categories, options_.item_categories);
      check_extent("Din", "items with features", known.of_items.segments(), options_.items);
      of_items = embed_features<Context>(tape, {candidates.items.values, {}, known.of_items}, candidates.size(),
                                         *item_features_);
    }
    if (of_users && of_items) return concatenate_columns(tape, of_users, of_items);
    return of_users ? of_users : of_items;
  }

  Embedding<Context> item_embedding_;
  CandidateAttention<Context> attention_;
  Mlp<Context> network_;
  std::optional<Embedding<Context>> item_bias_;
  std::optional<Embedding<Context>> user_features_;
  std::optional<Embedding<Context>> item_features_;
};

}  // namespace seqrec
