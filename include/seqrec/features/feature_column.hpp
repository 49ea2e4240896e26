// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "seqrec/core/errors.hpp"

namespace seqrec {

/// What a feature speaks of. Contributions to a score are summed by these.
enum class FeatureGroup {
  deep,      ///< what a trained network says
  user,      ///< who asks
  item,      ///< what is asked about
  sequence,  ///< what the user did so far
  time,      ///< when
  cross,     ///< how the item and what the user did fit together
};
constexpr std::array<const char*, 6> names_of(FeatureGroup) {
  return {"deep", "user", "item", "sequence", "time", "cross"};
}
constexpr const char* name_of(FeatureGroup group) { return names_of(group)[static_cast<std::size_t>(group)]; }

/// A number that is known of (user, moment, candidate), and how it is told to people. Where nothing is known the number
/// is NaN, which a tree takes for a value of its own; 0 would claim something.
struct FeatureColumn {
  std::string name{};   ///< "cross_genre_share_10"; begins with its group
  std::string label{};  ///< "share of the last 10 with a common genre", for tables and pictures
  std::string unit{};   ///< "years", "share", "place"; empty for a number of nothing
  FeatureGroup group = FeatureGroup::item;
  /// One sentence with places for what was measured, "{count} of your last {seen} films share a genre with this one".
  /// {value} is the number itself; who offers other places says so.
  std::string sentence{};
  /// What the numbers 0, 1, ... stand for where they are names that have no order (occupations); else none.
  std::vector<std::string> values{};

  bool is_category() const { return !values.empty(); }
};

/// A sentence with its places filled: each {name} becomes place(name).
/// @throws ArgumentError for a brace that is not closed
template <class Place>
std::string fill_sentence(std::string_view sentence, Place&& place) {
  std::string filled;
  for (std::size_t open = sentence.find('{'); open != sentence.npos; open = sentence.find('{')) {
    const std::size_t close = sentence.find('}', open);
    check_argument(close != sentence.npos, "sentence", sentence, "a } behind each {");
    filled += sentence.substr(0, open);
    filled += place(sentence.substr(open + 1, close - open - 1));
    sentence.remove_prefix(close + 1);
  }
  return filled += sentence;
}

}  // namespace seqrec
