// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "seqrec/core/types.hpp"
#include "seqrec/core/vocabulary.hpp"
#include "seqrec/data/readers/id_column.hpp"

namespace seqrec::detail {

/// The distinct ids of a column in their order, and the way from an event to the place of its id.
class Numbering {
 public:
  explicit Numbering(const IdColumn& column) : column_(&column), keys_(column.keys()) {
    if (keys_.empty()) return;
    const std::uint64_t sign = column.sign_bit();
    const auto before = [sign](std::uint64_t a, std::uint64_t b) { return (a ^ sign) < (b ^ sign); };
    const auto [least, greatest] = std::minmax_element(keys_.begin(), keys_.end(), before);
    least_ = *least;
    // Numbers that lie close together, as nearly all do, are looked up in a table; else in a hash map, ten times
    // slower.
    const std::uint64_t range = *greatest - least_;
    if (range < 4 * keys_.size() + 65536) {
      table_.assign(static_cast<std::size_t>(range) + 1, absent);
      for (const std::uint64_t key : keys_) table_.data()[key - least_] = 0;
      for (std::size_t i = 0; i < table_.size(); ++i) {
        if (table_.data()[i] == absent) continue;
        table_.data()[i] = std::ssize(values_);
        values_.push_back(least_ + i);
      }
      return;
    }
    for (const std::uint64_t key : keys_) map_.try_emplace(key, 0);
    values_.reserve(map_.size());
    for (const auto& entry : map_) values_.push_back(entry.first);
    std::sort(values_.begin(), values_.end(), before);
    for (std::size_t i = 0; i < values_.size(); ++i) map_[values_[i]] = static_cast<index_t>(i);
  }

  /// The place of an event's id.
  index_t operator()(std::size_t row) const {
    const std::uint64_t key = keys_[row];
    return table_.empty() ? map_.find(key)->second : table_.data()[key - least_];
  }
  index_t size() const { return std::ssize(values_); }
  Vocabulary vocabulary() const { return column_->vocabulary(values_); }

 private:
  static constexpr index_t absent = -1;
  const IdColumn* column_;
  std::span<const std::uint64_t> keys_;
  std::uint64_t least_ = 0;
  std::vector<index_t> table_;  ///< by key - least_; empty where keys are far apart
  std::unordered_map<std::uint64_t, index_t> map_;
  std::vector<std::uint64_t> values_;
};

}  // namespace seqrec::detail
