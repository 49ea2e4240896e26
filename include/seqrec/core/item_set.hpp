// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "seqrec/core/types.hpp"

namespace seqrec {

/// A set of items of one catalogue that is emptied in constant time: each item carries the number of the round in which
/// it was last inserted. Four bytes an item, no hashing; made to be reused from user to user.
class ItemSet {
 public:
  explicit ItemSet(index_t num_items) : round_of_(static_cast<std::size_t>(num_items), 0) {}

  /// Forgets all items.
  void clear() {
    size_ = 0;
    if (++round_ == 0) {  // after 2^32 rounds old marks would come back to life
      std::fill(round_of_.begin(), round_of_.end(), 0u);
      round_ = 1;
    }
  }

  /// False if the item was there already.
  bool insert(item_t item) {
    if (contains(item)) return false;
    round_of_.data()[item] = round_;
    ++size_;
    return true;
  }
  void insert(std::span<const item_t> items) {
    for (const item_t item : items) insert(item);
  }

  bool contains(item_t item) const { return round_of_.data()[item] == round_; }
  index_t size() const { return size_; }
  index_t num_items() const { return std::ssize(round_of_); }

 private:
  std::vector<std::uint32_t> round_of_;
  std::uint32_t round_ = 1;
  index_t size_ = 0;
};

}  // namespace seqrec
