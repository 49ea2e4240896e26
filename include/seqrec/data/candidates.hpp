// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/hash.hpp"
#include "seqrec/core/random.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/data/item_set.hpp"
#include "seqrec/data/sampling.hpp"
#include "seqrec/data/split.hpp"

namespace seqrec {

/// Which negatives a held-out target is ranked against.
struct CandidateOptions {
  index_t negatives = 99;  ///< per user, 1 .. what the user has not seen; 100 is the papers' "sampled-101"
  std::uint64_t seed = 1;  ///< fixed by protocol, not the seed of a run: every model meets the same lists
};

/// The frozen candidates of a sampled evaluation: for each held-out user the same number of negatives.
/// With few negatives metrics are far higher than over the whole catalogue, and they may order models differently
/// (Krichene & Rendle 2020, "On sampled metrics for item recommendation"): report both.
struct CandidateLists {
  std::string held_out;  ///< "validation" or "test"
  std::string data_hash;
  CandidateOptions options;
  index_t users = 0;
  std::vector<item_t> items;  ///< (users, negatives)

  /// The negatives of the i-th held-out user.
  std::span<const item_t> negatives(index_t i) const {
    return {items.data() + i * options.negatives, static_cast<std::size_t>(options.negatives)};
  }

  /// Tells candidate lists apart: what they were drawn for and every item.
  std::string hash() const {
    Hash hash;
    hash.add(held_out).add(data_hash).add(options.negatives).add(options.seed).add(users);
    for (const item_t item : items) hash.add(item);
    return hash.text();
  }
};

/// Draws negatives for each held-out user, uniformly and without replacement from the catalogue minus *all* the user's
/// items, whether seen before the target or after. Validation and test get different ones; a user's do not depend on
/// the other users.
/// @throws ArgumentError if `negatives` is below 1
/// @throws DataError     if a user has fewer unseen items than that
inline CandidateLists draw_candidates(const HeldOut& held_out, const CandidateOptions& options = {}) {
  check_argument(options.negatives >= 1, "negatives", options.negatives, "a number of at least 1");
  CandidateLists lists{held_out.name, held_out.data->hash(), options, held_out.size(), {}};
  const std::uint64_t first_stream = Hash().add(held_out.name).value();
  ItemSet excluded(held_out.data->num_items());
  for (index_t i = 0; i < held_out.size(); ++i) {
    const index_t user = held_out.users.data()[i];
    excluded.clear();
    excluded.insert(held_out.whole_history(i));
    const index_t unseen = excluded.num_items() - excluded.size();
    if (options.negatives > unseen)
      throw DataError(concatenate(held_out.data->name, ": user ", held_out.data->user_ids.data()[user], " has ", unseen,
                                  " unseen items, expected at least ", options.negatives, " to draw as negatives"));
    RandomStream random(options.seed, Purpose::candidates, first_stream + static_cast<std::uint64_t>(user));
    for (index_t k = 0; k < options.negatives; ++k) {
      lists.items.push_back(draw_item_outside(excluded, random));
      excluded.insert(lists.items.back());
    }
  }
  return lists;
}

}  // namespace seqrec
