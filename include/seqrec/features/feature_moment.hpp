// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "seqrec/core/types.hpp"
#include "seqrec/data/splits/split.hpp"

namespace seqrec {

/// Who asks, when, and what is known of him until then. What is not known stays empty. A view: valid as long as what
/// it refers to is.
struct FeatureMoment {
  std::span<const item_t> history{};      ///< all that happened before the moment, oldest first
  std::span<const std::int64_t> times{};  ///< seconds since 1970 of each event of the history, or none at all
  std::span<const float> ratings{};       ///< that the user gave in each event, NaN for none; or none at all
  std::span<const category_t> user{};     ///< categories of the user, by number in the features' user_categories()
  std::optional<std::int64_t> now = std::nullopt;  ///< when is asked, in seconds since 1970
};

/// The moment of the event at a place of a user's history: what lies before it, and its own time, which is when a
/// service would have been asked.
inline FeatureMoment moment_of(const Dataset& data, index_t user, index_t position) {
  const index_t begin = data.offsets.data()[user];
  const auto length = static_cast<std::size_t>(position);
  FeatureMoment moment;
  moment.history = {data.items.data() + begin, length};
  if (!data.times.empty()) {
    moment.times = {data.times.data() + begin, length};
    moment.now = data.times.data()[begin + position];
  }
  if (!data.ratings.empty()) moment.ratings = {data.ratings.data() + begin, length};
  if (data.user_features) {
    const offset_t* const row = data.user_features.offsets.data() + user;
    moment.user = {data.user_features.values.data() + row[0], static_cast<std::size_t>(row[1] - row[0])};
  }
  return moment;
}

/// The moment of the i-th event that is held out.
inline FeatureMoment moment_of(const HeldOut& held_out, index_t i) {
  return moment_of(*held_out.data, held_out.users.data()[i], held_out.history_lengths.data()[i]);
}

}  // namespace seqrec
