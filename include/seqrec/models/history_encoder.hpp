// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <utility>

#include "seqrec/layers/embedding.hpp"
#include "seqrec/layers/feature_embedding.hpp"
#include "seqrec/layers/functions.hpp"
#include "seqrec/layers/item_features.hpp"
#include "seqrec/models/item_model.hpp"

namespace seqrec {

/// Refuses a batch without times where they are read.
/// @param model, option  the option of the model that reads them, or null   @throws ArgumentError
template <class Space>
void check_batch_times(const char* model, const char* option, const Batch<Space>& batch) {
  if (option != nullptr && !batch.times && batch.rows() != 0)
    throw ArgumentError(
        concatenate(model, ' ', option, " is true, expected a batch with the times of its events, this one has none"));
}

/// What the library's static encoders share: how a history becomes the rows that they start from. A base for models
/// whose Options have `items`, `width`, `item_categories` and `user_categories`.
///
/// What is known of items is part of their vectors (ItemFeatures), what is known of a user is added to every row of his
/// history, before dropout.
template <class Context_, class Options_>
class HistoryEncoder : public ItemModel<Context_, Options_> {
  using Base = ItemModel<Context_, Options_>;

 public:
  using Context = Context_;

  /// Says which categories each item has, for models with `item_categories`. The trainer does it, with what the data
  /// set knows; a model from a checkpoint has its vectors made up already.
  /// @param of_items  (V) segments   @throws ArgumentError for other numbers of items or categories than the model's
  void set_item_features(Context& context, const Jagged<const category_t, HostSpace>& of_items) {
    item_features_.set(of_items);
    this->parameters_.compose(context);
  }

 protected:
  HistoryEncoder(const char* name, const Options_& options)
      : Base(name, options), item_features_(options.items, options.item_categories) {
    if (options.user_categories != 0)
      user_features_.emplace(this->parameters_.scope("user_features"), options.user_categories, options.width,
                             Initialiser::constant(0));
  }

  /// A table of vectors of the items, with what is known of them.
  Embedding<Context> item_vectors(const char* name, Initialiser begin) {
    return item_features_.vectors(this->parameters_.scope(name), this->options_.width, begin);
  }

  /// dropout(scale item + position + user) for every row of a batch, recorded.
  /// @param model for messages   @param positions (P, D), or null for none   @return (N, D)
  /// @throws ArgumentError when the batch lacks features of users that the model was made for
  Variable<Context> embed_history(const char* model, Tape<Context>& tape, const Batch<typename Context::Space>& batch,
                                  const Embedding<Context>& items, const Embedding<Context>* positions,
                                  EmbedOptions options) const {
    if (!user_features_) return embed_sequence(tape, batch, items, positions, options);
    const auto& known = batch.features;
    check_features(model, "users", known.of_users && batch.profiles, known.user_categories,
                   this->options_.user_categories);
    const double dropout = std::exchange(options.dropout, 0);
    const auto rows = embed_sequence(tape, batch, items, positions, options);
    const auto users =
        embed_features(tape, {batch.profiles, batch.offsets(), known.of_users}, batch.rows(), *user_features_);
    return drop(tape, sum(tape, rows, users), dropout, batch.first_row);
  }

 private:
  ItemFeatures<Context> item_features_;
  std::optional<Embedding<Context>> user_features_;
};

}  // namespace seqrec
