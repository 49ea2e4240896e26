// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "seqrec/core/types.hpp"
#include "seqrec/data/splits/split.hpp"

namespace seqrec {

/// The training events of a split, found by item: who had it, and at which place of the history.
class TrainEvents {
 public:
  /// One of them.
  struct Event {
    index_t user;
    index_t position;  ///< in the user's history
  };

  /// By counting sort, so that an item's events are in order of users and positions.
  explicit TrainEvents(const Split& split) : offsets_(static_cast<std::size_t>(split.data->num_items()) + 1, 0) {
    const Dataset& data = *split.data;
    for (index_t user = 0; user < data.num_users(); ++user)
      for (const item_t item : split.train_history(user)) ++offsets_.data()[item + 1];
    for (std::size_t item = 1; item < offsets_.size(); ++item) offsets_[item] += offsets_[item - 1];
    events_.resize(offsets_.back());
    std::vector<std::size_t> next(offsets_.begin(), offsets_.end() - 1);
    for (index_t user = 0; user < data.num_users(); ++user) {
      index_t position = 0;
      for (const item_t item : split.train_history(user)) events_[next.data()[item]++] = {user, position++};
    }
  }

  std::span<const Event> of_item(item_t item) const {
    const std::size_t* begin = offsets_.data() + item;
    return {events_.data() + begin[0], begin[1] - begin[0]};
  }

 private:
  std::vector<std::size_t> offsets_;  // where each item's events start
  std::vector<Event> events_;
};

}  // namespace seqrec
