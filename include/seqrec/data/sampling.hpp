// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/random.hpp"
#include "seqrec/core/tensor.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/data/item_set.hpp"
#include "seqrec/data/split.hpp"

namespace seqrec {

/// An item drawn uniformly from those that `excluded` lacks, by rejection: unbiased, and one draw is nearly always
/// enough because a catalogue is much longer than a history. At least one item must be outside `excluded`.
inline item_t draw_item_outside(const ItemSet& excluded, RandomStream& random) {
  const auto num_items = static_cast<std::uint32_t>(excluded.num_items());
  for (;;) {
    const auto item = static_cast<item_t>(random.below(num_items));
    if (!excluded.contains(item)) return item;
  }
}

/// Draws training negatives: uniform over the catalogue without the user's *training* items. Held-out items stay
/// possible, or the model could learn from their absence what is going to be asked.
///
/// What a user gets in an epoch depends on (seed, epoch, user) only: not on the batch it is in, nor on any thread.
class NegativeSampler {
 public:
  /// @param split  must outlive the sampler
  /// @throws DataError if a user has every item of the catalogue among its training items
  NegativeSampler(const Split& split, std::uint64_t seed)
      : split_(&split), seed_(seed), seen_(split.data->num_items()) {
    const index_t num_items = split.data->num_items();
    for (index_t user = 0; user < split.data->num_users(); ++user) {
      if (split.train_lengths.data()[user] < num_items) continue;  // too short to hold them all: no need to look
      seen_.clear();
      seen_.insert(split.train_history(user));
      if (seen_.size() == num_items)
        throw DataError(concatenate(split.data->name, ": user ", split.data->user_ids.data()[user], " has all ",
                                    num_items, " items in training, no negative is left to draw"));
    }
  }
  NegativeSampler(const Split&&, std::uint64_t) = delete;

  /// Fills (rows, negatives per row) for one user.
  void draw(index_t user, index_t epoch, MatrixView<item_t, HostSpace> negatives) {
    RandomStream random(seed_, Purpose::negatives,
                        static_cast<std::uint64_t>(epoch) << 32 | static_cast<std::uint64_t>(user));
    seen_.clear();
    seen_.insert(split_->train_history(user));
    for (index_t row = 0; row < negatives.rows(); ++row)
      for (index_t column = 0; column < negatives.columns(); ++column)
        negatives(row, column) = draw_item_outside(seen_, random);
  }

 private:
  const Split* split_;
  std::uint64_t seed_;
  ItemSet seen_;
};

}  // namespace seqrec
