// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/core/vocabulary.hpp"
#include "seqrec/features/category_kinds.hpp"
#include "seqrec/features/explicit_options.hpp"
#include "seqrec/features/feature_column.hpp"
#include "seqrec/features/feature_schema.hpp"
#include "seqrec/features/item_knowledge.hpp"

namespace seqrec {

/// The columns that every data set has, in their order. Behind them come the kinds of the users' categories, the
/// genres of the candidate, and the shares of genres in the recent events.
enum class ExplicitColumn {
  user_activity,
  user_mean_rating,
  item_genre_count,
  item_year,
  item_popularity,
  item_recent_popularity,
  item_per_thousand,
  item_mean_rating,
  item_age,
  sequence_length,
  sequence_distinct_items,
  sequence_distinct_genres,
  sequence_mean_popularity,
  sequence_mean_year,
  time_gap,
  time_hour,
  time_weekday,
  time_days_active,
  time_since_first,
  time_visit_events,
  cross_genre_share,
  cross_recent_genre_share,
  cross_newest_genre_share,
  cross_genre_rating,
  cross_year_distance,
  cross_popularity_distance,
  cross_follows,
  cross_transition_score,
  cross_transition_rank,
  cross_item_knn_score,
  cross_item_knn_rank,
  cross_item_seen,
  cross_series_seen,
};
inline constexpr index_t explicit_columns = 33;

/// Where the columns lie whose number is the data's.
struct ExplicitLayout {
  std::vector<CategoryKind> user_kinds;
  std::vector<index_t> genres;        ///< that have a column, places among ItemKnowledge::genres()
  std::vector<index_t> share_genres;  ///< whose share has one

  index_t first_kind() const { return explicit_columns; }
  index_t first_genre() const { return first_kind() + std::ssize(user_kinds); }
  index_t first_share() const { return first_genre() + std::ssize(genres); }
  index_t size() const { return first_share() + std::ssize(share_genres); }
};

/// The layout for a data set.   @param user_categories  names of the categories of users
SEQREC_FUNCTION ExplicitLayout explicit_layout(const ExplicitFeatureOptions& options, const ItemKnowledge& items,
                                               const Vocabulary& user_categories);

/// The columns of a layout.
SEQREC_FUNCTION FeatureSchema explicit_schema(const ExplicitFeatureOptions& options, const ItemKnowledge& items,
                                              const ExplicitLayout& layout);

#if SEQREC_BODIES

namespace detail {

struct ExplicitDefinition {
  FeatureGroup group;
  const char *name, *label, *unit, *sentence;
};

/// What stands for the places of sentences is in features/sentence.hpp; {item}, {items} are what options call them.
inline constexpr ExplicitDefinition explicit_definitions[] = {
    {FeatureGroup::user, "user_activity", "{items} a day", "events a day",
     "You have had {value} {items} a day on the {days} that you were here."},
    {FeatureGroup::user, "user_mean_rating", "mean rating given", "rating",
     "You rate {items} {value} on average ({ratings})."},
    {FeatureGroup::item, "item_genre_count", "number of genres", "genres", "It is of {counted}{genres}."},
    {FeatureGroup::item, "item_year", "year", "year", "It is of the year {value}."},
    {FeatureGroup::item, "item_popularity", "popularity", "percent",
     "It had been chosen more often than {value} % of the {items} that anybody had chosen by then."},
    {FeatureGroup::item, "item_recent_popularity", "popularity in the last {recent_days} days", "percent",
     "In the {recent_days} days before it was chosen more often than {value} % of the {items} chosen then."},
    {FeatureGroup::item, "item_per_thousand", "choices of a thousand", "per thousand",
     "Of a thousand choices by then {value} were this {item}."},
    {FeatureGroup::item, "item_mean_rating", "mean rating received", "rating",
     "It had been rated {value} on average by then ({ratings})."},
    {FeatureGroup::item, "item_age", "days since it was first chosen", "days", "It was first chosen {span} before."},
    {FeatureGroup::sequence, "sequence_length", "length of the history", "events", "Your history has {counted}."},
    {FeatureGroup::sequence, "sequence_distinct_items", "different {items} in the history", "events",
     "Your history has {value} different {items}."},
    {FeatureGroup::sequence, "sequence_distinct_genres", "different genres in the history", "genres",
     "Your history has {counted}."},
    {FeatureGroup::sequence, "sequence_mean_popularity", "mean popularity of the history", "percent",
     "The {items} in your history had been chosen more often than {value} % of all, on average."},
    {FeatureGroup::sequence, "sequence_mean_year", "mean year of the history", "year",
     "The {items} in your history are of {value} on average."},
    {FeatureGroup::time, "time_gap", "days since the last {item}", "days", "Your last {item} was {span} ago."},
    {FeatureGroup::time, "time_hour", "hour of the day (UTC)", "hour", "It was {value} o'clock (UTC)."},
    {FeatureGroup::time, "time_weekday", "day of the week", "", "It was a {text}."},
    {FeatureGroup::time, "time_days_active", "days with events", "days", "You have been here on {days}."},
    {FeatureGroup::time, "time_since_first", "days since the first {item}", "days",
     "Your first {item} was {span} ago."},
    {FeatureGroup::time, "time_visit_events", "{items} in this visit", "events",
     "In this visit you have had {counted}."},
    {FeatureGroup::cross, "cross_genre_share", "share of the history with a common genre", "share",
     "It has a genre in common with {count} of the {of} {items} in your history{genres}."},
    {FeatureGroup::cross, "cross_genre_share_{recent}", "share of the last {recent} with a common genre", "share",
     "It has a genre in common with {count} of your last {of} {items}{genres}."},
    {FeatureGroup::cross, "cross_genre_share_{newest}", "share of the last {newest} with a common genre", "share",
     "It has a genre in common with {count} of your last {of} {items}{genres}."},
    {FeatureGroup::cross, "cross_genre_rating", "own mean rating of common genres", "rating",
     "You rate {items} that have a genre in common with it {value} on average ({ratings})."},
    {FeatureGroup::cross, "cross_year_distance_{recent}", "years between it and the last {recent}", "years",
     "It is {value} years away from your last {of} {items}, which are of {mean} on average."},
    {FeatureGroup::cross, "cross_popularity_distance", "popularity above that of the history", "percent",
     "Its popularity is {size} points {above} the average of your history ({mean} %)."},
    {FeatureGroup::cross, "cross_follows", "times it directly followed the last {item}", "times",
     "Directly after {last} it was chosen {times}."},
    {FeatureGroup::cross, "cross_transition_score", "how often it follows the last {items}", "score",
     "What others chose soon after your last {of} {items} gives it {value}."},
    {FeatureGroup::cross, "cross_transition_rank", "place by what follows the last {items}", "place",
     "By what others chose soon after your last {of} {items} it is number {value} of those that you have not had."},
    {FeatureGroup::cross, "cross_item_knn_score", "similarity to the last {items}", "score",
     "What people with your last {of} {items} have as well gives it {value}."},
    {FeatureGroup::cross, "cross_item_knn_rank", "place by similarity to the last {items}", "place",
     "By what people with your last {of} {items} have as well it is number {value} of those that you have not had."},
    {FeatureGroup::cross, "cross_item_seen", "times it was had before", "times", "You have had it {times} before."},
    {FeatureGroup::cross, "cross_series_seen", "others of its series in the history", "events",
     "Of its series ({series}) you have had {counted} besides."},
};
static_assert(std::size(explicit_definitions) == explicit_columns);

/// What options say about the places of names, labels and sentences; other places stay.
inline std::string fill_options(std::string_view text, const ExplicitFeatureOptions& options) {
  return fill_sentence(text, [&](std::string_view place) -> std::string {
    if (place == "item") return options.item;
    if (place == "items") return options.items;
    if (place == "recent") return std::to_string(options.recent_events);
    if (place == "newest") return std::to_string(options.newest_events);
    if (place == "recent_days") return std::to_string(options.recent_days);
    return concatenate("{", place, "}");
  });
}

}  // namespace detail

SEQREC_FUNCTION ExplicitLayout explicit_layout(const ExplicitFeatureOptions& options, const ItemKnowledge& items,
                                               const Vocabulary& user_categories) {
  std::vector<std::string> categories;
  for (index_t i = 0; i < user_categories.size(); ++i) categories.emplace_back(user_categories[i]);
  return {category_kinds(categories), items.frequent_genres(options.genre_columns),
          items.frequent_genres(options.share_columns)};
}

SEQREC_FUNCTION FeatureSchema explicit_schema(const ExplicitFeatureOptions& options, const ItemKnowledge& items,
                                              const ExplicitLayout& layout) {
  std::vector<FeatureColumn> columns;
  const auto fill = [&](std::string_view text) { return detail::fill_options(text, options); };
  for (const detail::ExplicitDefinition& definition : detail::explicit_definitions)
    columns.push_back(
        {fill(definition.name), fill(definition.label), definition.unit, definition.group, fill(definition.sentence)});
  columns[static_cast<std::size_t>(ExplicitColumn::time_weekday)].values = {
      "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
  for (const CategoryKind& kind : layout.user_kinds) {
    const std::string name = kind.name.empty() ? "category" : kind.name;
    const bool taken = std::any_of(columns.begin(), columns.end(),
                                   [&](const FeatureColumn& column) { return column.name == "user_" + name; });
    columns.push_back({(taken ? "user_category_" : "user_") + name, name, kind.is_number() ? name : "",
                       FeatureGroup::user, "Your {kind}: {text}.",
                       kind.is_number() ? std::vector<std::string>() : kind.values});
  }
  const auto named = [&](index_t genre) { return items.genres()[static_cast<std::size_t>(genre)]; };
  for (const index_t genre : layout.genres)
    columns.push_back({"item_genre_" + named(genre), "genre " + named(genre), "", FeatureGroup::item,
                       "It {is} of the genre {genre}."});
  const index_t recent = options.recent_events;
  for (const index_t genre : layout.share_genres)
    columns.push_back({concatenate("sequence_share_", named(genre), "_", recent),
                       concatenate("share of ", named(genre), " in the last ", recent), "share", FeatureGroup::sequence,
                       fill("{genre} is a genre of {count} of your last {of} {items}, {and of this}.")});
  return FeatureSchema(std::move(columns));
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
