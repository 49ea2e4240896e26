// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/hash.hpp"
#include "seqrec/core/item_set.hpp"
#include "seqrec/core/option_text.hpp"
#include "seqrec/core/random.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/data/alias_table.hpp"
#include "seqrec/data/batches/sampling.hpp"
#include "seqrec/data/splits/item_counts.hpp"
#include "seqrec/data/splits/split.hpp"

namespace seqrec {

/// Which negatives a held-out target is ranked against.
struct CandidateOptions {
  index_t negatives = 99;  ///< per target, 1 .. what the user has not seen; 100 is the papers' "sampled-101"
  std::uint64_t seed = 1;  ///< fixed by protocol, not the seed of a run: every model meets the same lists
  /// 0: uniform; else items are drawn with probability ~ (events of the data set)^popularity_exponent.
  double popularity_exponent = 0;
};

/// The frozen candidates of a sampled evaluation: for each held-out event the same number of negatives.
/// With few negatives metrics are far higher than over the whole catalogue, and they may order models differently
/// (Krichene & Rendle 2020, "On sampled metrics for item recommendation"): report both.
struct CandidateLists {
  std::string held_out;  ///< "validation" or "test"
  std::string data_hash;
  CandidateOptions options;
  index_t users = 0;          ///< held-out events; in leave-one-out as many users
  std::vector<item_t> items;  ///< (users, negatives)

  /// The negatives of the i-th held-out event.
  std::span<const item_t> negatives(index_t i) const {
    return {items.data() + i * options.negatives, static_cast<std::size_t>(options.negatives)};
  }

  /// Tells candidate lists apart: what they were drawn for and every item.
  std::string hash() const;
};

/// Draws negatives for each held-out event, uniformly or by popularity, without replacement from the catalogue minus
/// *all* the user's items, whether seen before the target or after. Validation and test get different ones, so do the
/// events of one user; a user's do not depend on the other users.
/// @throws ArgumentError if an option is out of range
/// @throws DataError     naming a user with fewer unseen items than that, or of nearly no popularity
SEQREC_FUNCTION CandidateLists draw_candidates(const HeldOut& held_out, const CandidateOptions& options = {});

#if SEQREC_BODIES

SEQREC_FUNCTION CandidateLists draw_candidates(const HeldOut& held_out, const CandidateOptions& options) {
  check_argument(options.negatives >= 1, "negatives", options.negatives, "a number of at least 1");
  check_argument(options.popularity_exponent >= 0 && std::isfinite(options.popularity_exponent), "popularity_exponent",
                 options.popularity_exponent, "a finite number of at least 0");
  const Dataset& data = *held_out.data;
  CandidateLists lists{held_out.name, data.hash(), options, held_out.size(), {}};
  std::optional<AliasTable> table;
  if (options.popularity_exponent > 0)
    table.emplace(popularity_weights(count_events(data), options.popularity_exponent));
  const auto probability = [&](item_t item) { return table->probabilities()[static_cast<std::size_t>(item)]; };

  const std::uint64_t first_stream = Hash().add(held_out.name).value();
  ItemSet excluded(data.num_items());
  std::uint64_t event = 0;  // of this user, counted from 0
  for (index_t i = 0; i < held_out.size(); ++i) {
    const index_t user = held_out.users.data()[i];
    event = i > 0 && held_out.users.data()[i - 1] == user ? event + 1 : 0;
    const auto refuse = [&](const auto&... found) {
      throw DataError(
          concatenate(data.name, ": user ", data.user_ids[user], " has ", found..., " to draw as negatives"));
    };
    excluded.clear();
    double left = 1;  // probability of what is not excluded
    const auto exclude = [&](item_t item) {
      if (excluded.insert(item) && table) left -= probability(item);
    };
    for (const item_t item : held_out.whole_history(i)) exclude(item);
    const index_t unseen = excluded.num_items() - excluded.size();
    if (options.negatives > unseen) refuse(unseen, " unseen items, expected at least ", options.negatives);
    const std::uint64_t stream = first_stream + static_cast<std::uint64_t>(user) + (event == 0 ? 0 : mix_bits(event));
    RandomStream random(options.seed, Purpose::candidates, stream);
    for (index_t k = 0; k < options.negatives; ++k) {
      if (left < least_probability_left)
        refuse("unseen items of nearly no popularity, enough for ", k, ", expected at least ", options.negatives);
      lists.items.push_back(table ? draw_item_outside(excluded, *table, random) : draw_item_outside(excluded, random));
      exclude(lists.items.back());
    }
  }
  return lists;
}

SEQREC_FUNCTION std::string CandidateLists::hash() const {
  Hash hash;
  hash.add(held_out).add(data_hash).add(options.negatives).add(options.seed).add(users);
  if (options.popularity_exponent != 0) hash.add(option_text(options.popularity_exponent));
  for (const item_t item : items) hash.add(item);
  return hash.text();
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
