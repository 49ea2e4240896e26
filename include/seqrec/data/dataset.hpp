// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/hash.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/core/vocabulary.hpp"
#include "seqrec/data/features.hpp"

namespace seqrec {

/// Who interacted with what, in order: each user's history is one segment of a packed column of items.
/// Users are numbered 0 .. U-1 and items 0 .. V-1, both in ascending order of their original ids where
/// those are numbers, in order of first appearance where they are names.
/// Made by `load_dataset`, `synthetic_dataset` or `build_dataset`; read-only from then on.
struct Dataset {
  std::string name;
  std::vector<index_t> offsets{0};  ///< (U+1) where each user's history starts
  std::vector<item_t> items;        ///< (E) by user; within a user by (time, row of the file)
  std::vector<std::int64_t> times;  ///< (E) seconds since 1970, rounded down; or empty
  std::vector<float> ratings;       ///< (E) as the source has them; or empty
  Vocabulary user_ids;              ///< (U) what users are called in the source
  Vocabulary item_ids;              ///< (V) what items are called in the source
  std::vector<std::string> titles;  ///< (V) UTF-8, empty where unknown; or no element at all
  FeatureTable user_features;       ///< (U) gender, age, occupation; or no row at all
  FeatureTable item_features;       ///< (V) genres, year; or no row at all
  /// Where the order of events comes from, and what was left out: "times: column timestamp, whole seconds from
  /// 1997-09-20 to 1998-04-22"; "no times, order of the file". Empty where nobody says.
  std::string source;

  index_t num_users() const { return std::ssize(offsets) - 1; }
  index_t num_items() const { return item_ids.size(); }
  index_t num_interactions() const { return std::ssize(items); }

  /// All items of a user, oldest first.
  std::span<const item_t> history(index_t user) const {
    const index_t* begin = offsets.data() + user;
    return {items.data() + begin[0], items.data() + begin[1]};
  }

  /// Tells data sets apart: counts, every (user, item) in order, then the times where there are any. Ratings,
  /// original ids, titles and features do not count. Takes about 20 ms per million interactions.
  std::string hash() const;
};

/// Refuses a data set without times where they are read.   @param option  that reads them   @throws DataError
inline void check_times(const char* option, const Dataset& data) {
  if (data.times.empty())
    throw DataError(concatenate(data.name, ": ", option,
                                " is true, expected a data set whose events have times, this one has none"));
}

/// One line that says which data these are: "ml-100k: 943 users, 1682 items, 100000 interactions, hash 0123...; times:
/// column 4, whole seconds from 1997-09-20 to 1998-04-22".
SEQREC_FUNCTION std::string describe(const Dataset& data);

#if SEQREC_BODIES

SEQREC_FUNCTION std::string describe(const Dataset& data) {
  return concatenate(data.name, ": ", data.num_users(), " users, ", data.num_items(), " items, ",
                     data.num_interactions(), " interactions, hash ", data.hash(), data.source.empty() ? "" : "; ",
                     data.source);
}

SEQREC_FUNCTION std::string Dataset::hash() const {
  Hash hash;
  hash.add(num_users()).add(num_items()).add(num_interactions());
  for (index_t user = 0; user < num_users(); ++user)
    for (const item_t item : history(user)) hash.add(user).add(item);
  for (const std::int64_t time : times) hash.add(time);
  return hash.text();
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
