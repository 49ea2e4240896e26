// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/names.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/data/splits/split.hpp"
#include "seqrec/features/explicit_columns.hpp"
#include "seqrec/features/explicit_facts.hpp"
#include "seqrec/features/explicit_file.hpp"
#include "seqrec/features/explicit_options.hpp"
#include "seqrec/features/explicit_rows.hpp"
#include "seqrec/features/feature_moment.hpp"
#include "seqrec/features/feature_schema.hpp"

namespace seqrec {

/// Some fifty numbers that a person understands, of a user, a moment and a candidate: who asks, what the candidate is,
/// what the user did so far, when, and how the two fit together (ExplicitColumn). What is not known is NaN.
///
/// What a row is made of (docs/architecture.md, *Explicit features*): the moment, and tables of the training events of
/// the split. Popularity and mean ratings count only events before the moment's day, where there are times. Transition
/// and co-occurrence tables, and without times popularity as well, count all training events: rows of events that are
/// themselves among these know their own outcome. Train trees on held-out events, with a split whose train_lengths end
/// before them.
///
/// A value: copies share one read-only state. Any number of threads may ask, each with a workspace of its own.
class ExplicitFeatures {
 public:
  static constexpr const char* name = "explicit features";

  /// Reads the training events of the split, and nothing of others.
  /// @throws ArgumentError for options out of range   @throws DataError for times that are none
  explicit ExplicitFeatures(const Split& split, const ExplicitFeatureOptions& options = {})
      : ExplicitFeatures(make_explicit_facts(split, options)) {}
  explicit ExplicitFeatures(ExplicitFacts facts) : state_(std::make_shared<const State>(std::move(facts))) {}

  const ExplicitFeatureOptions& options() const { return facts().options; }
  const FeatureSchema& schema() const { return state_->schema; }
  const ExplicitFacts& facts() const { return state_->facts; }
  const ExplicitLayout& layout() const { return state_->layout; }
  /// Ids of the items, names of the categories of users and items.
  const Names& names() const { return facts().names; }
  index_t num_items() const { return facts().events.num_items(); }
  /// Title of an item, its id where it has none.
  std::string title(item_t item) const {
    const auto& titles = facts().items.titles();
    const auto place = static_cast<std::size_t>(item);
    return titles.empty() || titles[place].empty() ? std::string(names().items[item]) : titles[place];
  }

  class Workspace;

  /// One row a candidate. The rows of several candidates are the bits of each alone.
  /// @param out  (candidates, schema().size()) row-major
  /// @throws ArgumentError for items and categories that are not known here, times out of order or that are none, a
  ///         workspace of other features
  /// @throws ShapeError    for times or ratings that are not one an event, or another size of `out`
  void rows(const FeatureMoment& moment, std::span<const item_t> candidates, std::span<float> out,
            Workspace& workspace) const;

  /// What is there, and which columns are missing values because the data do not say them: a line each.
  std::string describe() const;
  /// Tells the tables and options of two apart.
  std::string hash() const { return facts().hash(); }

  /// Writes everything to one file: who reads it needs no data set, and gets the same bits.
  /// @throws DataError when it cannot be written
  void save(const std::filesystem::path& path) const { write_explicit_facts(path, facts(), schema()); }
  /// @throws DataError naming file and field or tensor that is not as expected
  static ExplicitFeatures load(const std::filesystem::path& path) {
    SafetensorsFile file(path);
    ExplicitFeatures features(read_explicit_facts(file));
    check_explicit_schema(file, features.schema());
    return features;
  }

 private:
  struct State {
    explicit State(ExplicitFacts given)
        : facts(std::move(given)),
          layout(explicit_layout(facts.options, facts.items, facts.names.user_categories)),
          schema(explicit_schema(facts.options, facts.items, layout)) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    ExplicitFacts facts;
    ExplicitLayout layout;
    FeatureSchema schema;
  };

  std::shared_ptr<const State> state_;
};

/// What ExplicitFeatures works with, one for each thread. Once made it serves any number of moments.
class ExplicitFeatures::Workspace {
 public:
  explicit Workspace(const ExplicitFeatures& features)
      : state_(features.state_), rows_(state_->facts, state_->layout) {}

 private:
  friend class ExplicitFeatures;
  std::shared_ptr<const State> state_;
  ExplicitRows rows_;
};

using FeatureWorkspace = ExplicitFeatures::Workspace;

inline void ExplicitFeatures::rows(const FeatureMoment& moment, std::span<const item_t> candidates,
                                   std::span<float> out, Workspace& workspace) const {
  if (workspace.state_ != state_)
    throw ArgumentError("ExplicitFeatures: the workspace was made for other features, expected one of these");
  workspace.rows_.write(moment, candidates, out);
}

#if SEQREC_BODIES

SEQREC_FUNCTION std::string ExplicitFeatures::describe() const {
  const ItemKnowledge& items = facts().items;
  std::string text = concatenate(name, ": ", schema().size(), " columns of ", num_items(), " items and ",
                                 facts().events.columns().offsets.back(), " training events, schema ", schema().hash());
  const auto missing = [&](bool is, const char* what, const char* columns) {
    if (is) text += concatenate("\nmissing values, because the data have no ", what, ": ", columns);
  };
  missing(!facts().events.has_times(), "times",
          "item_recent_popularity, item_age, user_activity, all of the group time; popularity is that of all training "
          "events");
  missing(!facts().events.has_ratings(), "ratings", "user_mean_rating, item_mean_rating, cross_genre_rating");
  missing(items.genres().empty(), "genres", "genre counts, shares of genres, common genres");
  missing(items.titles().empty(), "titles", "cross_series_seen, years that no category says");
  missing(layout().user_kinds.empty(), "profiles of users", "nothing but user_activity and user_mean_rating is known");
  return text;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
