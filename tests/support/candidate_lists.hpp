// SPDX-License-Identifier: Apache-2.0
// Candidates of users for tests, on the host and in the memory of a context.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "seqrec/core/candidates.hpp"
#include "seqrec/core/random.hpp"
#include "support/histories.hpp"
#include "support/tensors.hpp"

namespace seqrec_test {

/// Candidates on the host: for each user a number of them, and of each how many history items it may see.
struct CandidateLists {
  std::vector<index_t> lengths;   ///< (B) of the histories
  std::vector<index_t> counts;    ///< (B) of candidates
  std::vector<offset_t> visible;  ///< (C)
  index_t window = 1000;

  index_t size() const { return static_cast<index_t>(visible.size()); }
  index_t rows() const { return offsets_of(lengths).back(); }
  index_t seen(index_t c) const { return std::min<index_t>(visible[static_cast<std::size_t>(c)], window); }
  index_t pairs() const {
    index_t sum = 0;
    for (index_t c = 0; c < size(); ++c) sum += seen(c);
    return sum;
  }

  /// Calls visit(candidate, the first row of its user's history).
  template <class Visit>
  void for_each(Visit visit) const {
    index_t c = 0, first = 0;
    for (std::size_t b = 0; b < counts.size(); ++b) {
      for (index_t i = 0; i < counts[b]; ++i) visit(c++, first);
      first += lengths[b];
    }
  }
  /// Calls visit(candidate, row that it sees) for all pairs, oldest row first.
  template <class Visit>
  void for_each_pair(Visit visit) const {
    for_each([&](index_t c, index_t first) {
      const index_t end = first + visible[static_cast<std::size_t>(c)];
      for (index_t row = end - seen(c); row < end; ++row) visit(c, row);
    });
  }
};

/// About `each` candidates a user, the second none at all; the first of a user sees nothing and the last two all.
inline CandidateLists random_candidates(const std::vector<index_t>& lengths, index_t each, index_t window,
                                        std::uint64_t seed) {
  seqrec::RandomStream random(seed, seqrec::Purpose::negatives, 2);
  CandidateLists lists{lengths, {}, {}, window};
  for (std::size_t b = 0; b < lengths.size(); ++b) {
    const index_t count = b == 1 ? 0 : each + static_cast<index_t>(b % 3);
    std::vector<offset_t> visible;
    for (index_t i = 0; i < count; ++i)
      visible.push_back(static_cast<offset_t>(i == 0          ? 0
                                              : i + 2 < count ? random.below(static_cast<std::uint32_t>(lengths[b] + 1))
                                                              : lengths[b]));
    std::sort(visible.begin(), visible.end());
    lists.counts.push_back(count);
    lists.visible.insert(lists.visible.end(), visible.begin(), visible.end());
  }
  return lists;
}

/// Candidates in a memory space; which items they are is left at 0.
template <class Space>
class PlacedCandidates {
 public:
  explicit PlacedCandidates(const CandidateLists& lists)
      : items_(placed<Space>(std::vector<item_t>(lists.visible.size(), 0))),
        offsets_(placed<Space>(offsets_of(lists.counts))),
        visible_(placed<Space>(lists.visible)),
        histories_(placed<Space>(offsets_of(lists.lengths))),
        window_(lists.window),
        pairs_(lists.pairs()) {}

  seqrec::Candidates<Space> view() const {
    seqrec::Candidates<Space> candidates;
    candidates.items = {items_.view(), offsets_.view()};
    candidates.visible = visible_.view();
    candidates.window = window_;
    candidates.pairs = pairs_;
    return candidates;
  }
  /// Offsets of the histories' rows.
  seqrec::VectorView<const offset_t, Space> histories() const { return histories_.view(); }

 private:
  seqrec::Tensor<item_t, 1, Space> items_;
  seqrec::Tensor<offset_t, 1, Space> offsets_, visible_, histories_;
  index_t window_, pairs_;
};

}  // namespace seqrec_test
