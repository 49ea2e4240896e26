// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iomanip>
#include <ios>
#include <span>
#include <string>
#include <string_view>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/features/explicit_features.hpp"
#include "seqrec/features/feature_column.hpp"
#include "seqrec/features/feature_moment.hpp"
#include "seqrec/features/title_series.hpp"

namespace seqrec {

/// A number for people: whole ones as they are, others with two digits behind the point below 10 and one above.
inline std::string number_text(double value) {
  const double size = std::abs(value);
  const int digits = value == std::round(value) ? 0 : size >= 10 ? 1 : 2;
  std::string text = concatenate(std::fixed, std::setprecision(digits), value);
  if (digits > 0) text.erase(std::min(text.find_last_not_of('0') + 1, text.size()));
  if (text.back() == '.') text.pop_back();
  if (text == "-0") text = "0";
  return text;
}

/// "1 day", "12 days".
inline std::string counted_text(double value, std::string_view one, std::string_view many) {
  const std::string number = number_text(value);
  return concatenate(number, " ", number == "1" ? one : many);
}

/// A time for people: "20 minutes", "3 hours", "12 days".
inline std::string span_text(double days) {
  const double minutes = std::floor(days * 24 * 60 + 1e-3);
  if (minutes < 1) return "less than a minute";
  if (minutes < 60) return counted_text(minutes, "minute", "minutes");
  if (minutes < 24 * 60) return counted_text(std::floor(minutes / 60), "hour", "hours");
  return counted_text(std::floor(minutes / (24 * 60)), "day", "days");
}

/// The sentence of one column of one row with this user's own numbers and titles: the column's template, its places
/// filled from what gave the number. Where the value is missing it says so.
/// @param row     (schema().size()) of `candidate`, as rows() wrote it for this moment
/// @throws ShapeError for another size of `row`   @throws ArgumentError for a column that is none
SEQREC_FUNCTION std::string sentence_of(const ExplicitFeatures& features, const FeatureMoment& moment, item_t candidate,
                                        std::span<const float> row, index_t column);

#if SEQREC_BODIES

namespace detail {

/// What stands for the places of a sentence.
class SentencePlaces {
 public:
  SentencePlaces(const ExplicitFeatures& features, const FeatureMoment& moment, item_t candidate,
                 std::span<const float> row, index_t column)
      : features_(features),
        items_(features.facts().items),
        moment_(moment),
        candidate_(candidate),
        row_(row),
        column_(column),
        value_(static_cast<double>(row[static_cast<std::size_t>(column)])) {}

  std::string operator()(std::string_view place) const {
    if (place == "value") return number_text(value_);
    if (place == "span") return span_text(value_);
    if (place == "times") return value_ == 1 ? "once" : number_text(value_) + " times";
    if (place == "counted") return counted();
    if (place == "days") return counted_text(value_of(ExplicitColumn::time_days_active), "day", "days");
    if (place == "ratings") return counted_text(static_cast<double>(ratings()), "rating", "ratings");
    if (place == "of") return std::to_string(window());
    if (place == "count") return number_text(std::round(value_ * static_cast<double>(window())));
    if (place == "size") return number_text(std::abs(value_));
    if (place == "above") return value_ < 0 ? "below" : "above";
    if (place == "genres") return genres();
    if (place == "genre") return genre();
    if (place == "is") return has_genre() ? "is" : "is not";
    if (place == "and of this")
      return concatenate(has_genre() == (value_ > 0) ? "and " : "but ",
                         has_genre() ? "of this one" : "not of this one");
    if (place == "last") return features_.title(moment_.history.back());
    if (place == "mean") return mean();
    if (place == "series") return series_name(features_.title(candidate_));
    if (place == "kind") return kind().name.empty() ? "category" : kind().name;
    if (place == "text") return text();
    throw ArgumentError(concatenate("sentence: there is nothing for the place {", place, "}"));
  }

 private:
  bool is(ExplicitColumn column) const { return column_ == static_cast<index_t>(column); }
  double value_of(ExplicitColumn column) const { return static_cast<double>(row_[static_cast<std::size_t>(column)]); }

  /// How many events the number is of.
  index_t window() const {
    const ExplicitFeatureOptions& options = features_.options();
    const index_t events = std::ssize(moment_.history);
    if (is(ExplicitColumn::cross_genre_share)) return events;
    if (is(ExplicitColumn::cross_newest_genre_share)) return std::min(events, options.newest_events);
    if (is(ExplicitColumn::cross_transition_score) || is(ExplicitColumn::cross_transition_rank))
      return std::min(events, options.transition_knn.max_history);
    if (is(ExplicitColumn::cross_item_knn_score) || is(ExplicitColumn::cross_item_knn_rank))
      return std::min(events, options.item_knn.max_history);
    return std::min(events, options.recent_events);
  }
  std::span<const item_t> recent() const { return moment_.history.last(static_cast<std::size_t>(window())); }

  std::string counted() const {
    const ExplicitFeatureOptions& options = features_.options();
    if (is(ExplicitColumn::item_genre_count)) return counted_text(value_, "genre", "genres");
    if (is(ExplicitColumn::sequence_distinct_genres))
      return counted_text(value_, "different genre", "different genres");
    return counted_text(value_, options.item, options.items);
  }

  /// The genres of the candidate, or those of them that are among the events: " (Comedy, Drama)".
  std::string genres() const {
    std::string names;
    for (std::size_t genre = 0; genre < items_.genres().size(); ++genre) {
      const auto has = [&](item_t item) { return items_.has_genre(item, static_cast<index_t>(genre)); };
      if (!has(candidate_)) continue;
      const auto events = recent();
      if (!is(ExplicitColumn::item_genre_count) && std::none_of(events.begin(), events.end(), has)) continue;
      names += (names.empty() ? " (" : ", ") + items_.genres()[genre];
    }
    return names.empty() ? names : names + ")";
  }

  index_t genre_of_column() const {
    const ExplicitLayout& layout = features_.layout();
    return column_ < layout.first_share() ? layout.genres.data()[column_ - layout.first_genre()]
                                          : layout.share_genres.data()[column_ - layout.first_share()];
  }
  bool has_genre() const { return items_.has_genre(candidate_, genre_of_column()); }
  std::string genre() const { return items_.genres()[static_cast<std::size_t>(genre_of_column())]; }

  index_t ratings() const {
    if (is(ExplicitColumn::item_mean_rating)) {
      const ItemEvents& events = features_.facts().events;
      return events.standing(candidate_, events.snapshot_of(moment_.now)).rated;
    }
    index_t count = 0;
    for (std::size_t i = 0; i < moment_.ratings.size(); ++i)
      count += std::isfinite(moment_.ratings[i]) &&
               (is(ExplicitColumn::user_mean_rating) || items_.have_common_genre(moment_.history[i], candidate_));
    return count;
  }

  std::string mean() const {
    if (is(ExplicitColumn::cross_popularity_distance))
      return number_text(value_of(ExplicitColumn::sequence_mean_popularity));
    double sum = 0, count = 0;
    for (const item_t item : recent())
      if (const float year = items_.year(item); !std::isnan(year)) sum += static_cast<double>(year), ++count;
    return number_text(sum / count);
  }

  const CategoryKind& kind() const {
    return features_.layout().user_kinds[static_cast<std::size_t>(column_ - features_.layout().first_kind())];
  }
  std::string text() const {
    if (is(ExplicitColumn::time_weekday)) return features_.schema()[column_].values[static_cast<std::size_t>(value_)];
    for (const category_t category : moment_.user)
      if (const index_t place = kind().place_of(category); place >= 0)
        return kind().values[static_cast<std::size_t>(place)];
    return {};
  }

  const ExplicitFeatures& features_;
  const ItemKnowledge& items_;
  const FeatureMoment& moment_;
  item_t candidate_;
  std::span<const float> row_;
  index_t column_;
  double value_;
};

}  // namespace detail

SEQREC_FUNCTION std::string sentence_of(const ExplicitFeatures& features, const FeatureMoment& moment, item_t candidate,
                                        std::span<const float> row, index_t column) {
  check_extent("sentence_of", "size of the row", std::ssize(row), features.schema().size());
  check_argument(column >= 0 && column < std::ssize(row), "sentence_of column", column, "one of the schema");
  const FeatureColumn& said = features.schema()[column];
  if (std::isnan(row[static_cast<std::size_t>(column)])) return concatenate("Not known: ", said.label, ".");
  return fill_sentence(said.sentence, detail::SentencePlaces(features, moment, candidate, row, column));
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
