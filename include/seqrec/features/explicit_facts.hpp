// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/baselines/item_knn.hpp"
#include "seqrec/baselines/item_weights.hpp"
#include "seqrec/baselines/train_events.hpp"
#include "seqrec/baselines/transition_knn.hpp"
#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/hash.hpp"
#include "seqrec/core/names.hpp"
#include "seqrec/core/options.hpp"
#include "seqrec/core/utf8.hpp"
#include "seqrec/data/names.hpp"
#include "seqrec/data/splits/split.hpp"
#include "seqrec/features/explicit_options.hpp"
#include "seqrec/features/item_events.hpp"
#include "seqrec/features/item_knowledge.hpp"

namespace seqrec {

/// All that explicit features are computed from, beside the moment: made of the training events of a split and what
/// its data set knows of items, or read from a file. Read-only, so that threads share it.
struct ExplicitFacts {
  ExplicitFeatureOptions options;
  Names names;          ///< ids of items, categories of users and items
  ItemKnowledge items;  ///< what is known of items whatever happens
  ItemEvents events;    ///< when they were met
  ItemWeights follows;  ///< row i: how often each item was the event right after i
  TransitionKnn transition_knn;
  ItemKnn item_knn;

  /// Tells them apart: options, names, titles, categories and every table.
  std::string hash() const;
};

/// Reads the training events of a split, and nothing of others.
/// @throws ArgumentError for options out of range, or recent_events not above newest_events
/// @throws DataError     for times that are none
SEQREC_FUNCTION ExplicitFacts make_explicit_facts(const Split& split, const ExplicitFeatureOptions& options = {});

/// @throws ArgumentError for options out of range, recent_events not above newest_events, braces in what items are
/// called
inline void check_explicit_options(const ExplicitFeatureOptions& options) {
  check_options("ExplicitFeatures", options);
  for (const std::string* text : {&options.item, &options.items})
    if (text->find_first_of("{}") != std::string::npos)
      throw ArgumentError(concatenate("ExplicitFeatures ", text == &options.item ? "item" : "items", " is ",
                                      quote_bytes(*text), ", expected no braces, which are the places of sentences"));
  if (options.recent_events <= options.newest_events)
    throw ArgumentError(concatenate("ExplicitFeatures recent_events is ", options.recent_events,
                                    ", expected more than newest_events, which is ", options.newest_events));
}

#if SEQREC_BODIES

SEQREC_FUNCTION ExplicitFacts make_explicit_facts(const Split& split, const ExplicitFeatureOptions& options) {
  check_explicit_options(options);
  const Dataset& data = *split.data;
  ItemWeights follows(data.num_items());
  const TrainEvents events(split);
  for (item_t item = 0; item < static_cast<item_t>(data.num_items()); ++item) {
    for (const TrainEvents::Event& event : events.of_item(item)) {
      const std::span<const item_t> history = split.train_history(event.user);
      if (event.position + 1 < std::ssize(history)) follows.add(history.data()[event.position + 1], 1.0);
    }
    follows.end_row([](item_t, double count) { return count; });
  }
  return {options,
          names_of(data),
          ItemKnowledge(data.num_items(), data.titles, data.item_features, options.genre, options.year),
          ItemEvents(item_event_columns(split), options.recent_days, options.snapshots),
          std::move(follows),
          TransitionKnn(split, options.transition_knn),
          ItemKnn(split, options.item_knn)};
}

SEQREC_FUNCTION std::string ExplicitFacts::hash() const {
  Hash hash;
  const auto add_text = [&](std::string_view text) { hash.add(std::ssize(text)).add(text); };
  const auto add = [&](const auto& values) {
    hash.add(std::ssize(values));
    hash.add({reinterpret_cast<const char*>(values.data()), values.size() * sizeof values[0]});
  };
  for (const OptionValue& option : option_values(options)) add_text(option.name), add_text(option.text);
  for (const Vocabulary* ids : {&names.items, &names.user_categories, &names.item_categories}) add_text(ids->text());
  for (const std::string& title : items.titles()) add_text(title);
  add(items.categories().offsets);
  add(items.categories().values);
  add(events.columns().offsets);
  add(events.columns().times);
  add(events.columns().ratings);
  for (const ItemWeights* weights : {&follows, &transition_knn.transitions(), &item_knn.similarities()}) {
    for (item_t item = 0; item < static_cast<item_t>(weights->num_items()); ++item) add(weights->row(item));
  }
  return hash.text();
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
