// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/data/features.hpp"
#include "seqrec/data/title_year.hpp"
#include "seqrec/features/category_kinds.hpp"
#include "seqrec/features/title_series.hpp"

namespace seqrec {

/// What is known of items whatever happens: genres, years, series.
class ItemKnowledge {
 public:
  /// @param titles      (V), or none
  /// @param categories  (V), or none
  /// @param genre       the kind of categories that are genres   @param year  the kind of those that are years
  ItemKnowledge(index_t num_items, std::vector<std::string> titles, FeatureTable categories, std::string_view genre,
                std::string_view year);

  const std::vector<std::string>& titles() const { return titles_; }
  const FeatureTable& categories() const { return categories_; }

  /// Names of the genres, ascending.
  const std::vector<std::string>& genres() const { return genres_; }
  /// The places among `genres` of the most frequent ones in the catalogue, ascending.
  std::vector<index_t> frequent_genres(index_t most) const;
  bool has_genre(item_t item, index_t genre) const {
    return (mask(item)[genre / 64] >> static_cast<unsigned>(genre % 64) & 1u) != 0;
  }
  /// An item's genres as bits, mask_words() words of 64.
  const std::uint64_t* mask(item_t item) const { return masks_.data() + item * words_; }
  index_t mask_words() const { return words_; }
  /// How many genres an item has; NaN for none, which is to say that nobody said.
  float genre_count(item_t item) const { return genre_counts_.data()[item]; }

  /// Of the title, else of the category; NaN where neither says.
  float year(item_t item) const { return years_.data()[item]; }

  /// -1 for none; see series_of.
  std::int32_t series(item_t item) const { return series_.empty() ? -1 : series_.data()[item]; }
  index_t num_series() const { return num_series_; }

  bool have_common_genre(item_t first, item_t second) const {
    for (index_t word = 0; word < words_; ++word)
      if ((mask(first)[word] & mask(second)[word]) != 0) return true;
    return false;
  }

 private:
  std::vector<std::string> titles_;
  FeatureTable categories_;
  std::vector<std::string> genres_;
  std::vector<index_t> items_of_genre_;
  index_t words_ = 1;
  std::vector<std::uint64_t> masks_;  ///< (V, words)
  std::vector<float> genre_counts_, years_;
  std::vector<std::int32_t> series_;
  index_t num_series_ = 0;
};

#if SEQREC_BODIES

SEQREC_FUNCTION ItemKnowledge::ItemKnowledge(index_t num_items, std::vector<std::string> titles,
                                             FeatureTable categories, std::string_view genre, std::string_view year)
    : titles_(std::move(titles)), categories_(std::move(categories)) {
  constexpr float none = std::numeric_limits<float>::quiet_NaN();
  const auto items = static_cast<std::size_t>(num_items);
  const std::vector<CategoryKind> kinds = category_kinds(categories_.names);
  const CategoryKind* const of_genre = kind_named(kinds, genre);
  const CategoryKind* const of_year = kind_named(kinds, year);
  if (of_genre != nullptr) genres_ = of_genre->values;
  items_of_genre_.assign(genres_.size(), 0);
  words_ = std::max(index_t{1}, (std::ssize(genres_) + 63) / 64);
  masks_.assign(items * static_cast<std::size_t>(words_), 0);
  genre_counts_.assign(items, none);
  years_.assign(items, none);
  for (std::size_t item = 0; item < items; ++item) {
    const auto titled = titles_.empty() ? std::nullopt : year_of_title(titles_[item]);
    if (titled) years_[item] = static_cast<float>(*titled);
    if (!categories_) continue;
    float count = 0;
    for (offset_t i = categories_.offsets[item]; i < categories_.offsets[item + 1]; ++i) {
      const category_t category = categories_.values.data()[i];
      if (const index_t place = of_genre == nullptr ? -1 : of_genre->place_of(category); place >= 0) {
        masks_.data()[static_cast<index_t>(item) * words_ + place / 64] |= std::uint64_t{1} << (place % 64);
        ++items_of_genre_.data()[place];
        ++count;
      }
      if (!titled && of_year != nullptr && of_year->is_number())
        if (const index_t place = of_year->place_of(category); place >= 0)
          years_[item] = of_year->numbers.data()[place];
    }
    if (count > 0) genre_counts_[item] = count;
  }
  if (titles_.empty()) return;
  series_ = series_of(titles_);
  num_series_ = items == 0 ? 0 : 1 + *std::max_element(series_.begin(), series_.end());
}

SEQREC_FUNCTION std::vector<index_t> ItemKnowledge::frequent_genres(index_t most) const {
  std::vector<index_t> places(genres_.size());
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = static_cast<index_t>(i);
  std::stable_sort(places.begin(), places.end(),
                   [&](index_t a, index_t b) { return items_of_genre_.data()[a] > items_of_genre_.data()[b]; });
  places.resize(std::min(places.size(), static_cast<std::size_t>(most)));
  std::sort(places.begin(), places.end());
  return places;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
