// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "seqrec/core/random.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

/// Items to draw from, each entry with the same chance: an item that stands there more often is drawn more often.
///
/// What turns out not to be wanted is put aside, for one list or for all lists of one user. So each such entry is met
/// once and not again, nobody need look for them beforehand, and it shows when nothing is left.
///
///     [ left for the list | put aside for the list | put aside for the user ]
class ItemPool {
 public:
  void clear() { items_.clear(); }
  void add(item_t item) { items_.push_back(item); }

  /// Takes all entries back.
  void begin_user() { users_ = left_ = items_.size(); }
  /// Takes back what was put aside for a list.
  void begin_list() { left_ = users_; }

  /// Whether all entries are put aside.
  bool empty() const { return left_ == 0; }
  /// The number of an entry of those left, of which there must be some; good until the next one is put aside.
  std::size_t draw(RandomStream& random) const { return random.below(static_cast<std::uint32_t>(left_)); }
  item_t operator[](std::size_t entry) const { return items_.data()[entry]; }

  /// Puts an entry aside that is left.
  void put_aside_for_list(std::size_t entry) { std::swap(items_.data()[entry], items_.data()[--left_]); }
  void put_aside_for_user(std::size_t entry) {
    put_aside_for_list(entry);
    std::swap(items_.data()[left_], items_.data()[--users_]);
  }

 private:
  std::vector<item_t> items_;
  std::size_t users_ = 0, left_ = 0;  ///< entries that are not put aside for the user, and for the list
};

}  // namespace seqrec
