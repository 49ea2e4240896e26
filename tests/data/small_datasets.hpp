// SPDX-License-Identifier: Apache-2.0
// Data sets for the tests of data/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "seqrec/core/random.hpp"
#include "seqrec/data/dataset.hpp"
#include "seqrec/data/readers/interactions.hpp"

namespace seqrec_test {

/// Users 0, 1, ... with these histories, under these item numbers.
inline seqrec::Dataset dataset_of(const std::vector<std::vector<std::int64_t>>& histories) {
  seqrec::Interactions rows;
  for (std::size_t user = 0; user < histories.size(); ++user)
    for (const std::int64_t item : histories[user]) {
      rows.users.push_back(static_cast<std::int64_t>(user));
      rows.items.push_back(item);
    }
  return seqrec::build_dataset("small", rows);
}

/// Histories of 1 .. longest random items, the same for the same seed. User 0 has every item once, so that item ids
/// are numbers from 0 to num_items-1.
inline seqrec::Dataset random_dataset(std::size_t users, int num_items, int longest, std::uint64_t seed) {
  std::vector<std::vector<std::int64_t>> histories(users);
  for (int item = 0; item < num_items; ++item) histories[0].push_back(item);
  seqrec::RandomStream random(seed, seqrec::Purpose::shuffle, 0);
  for (std::size_t user = 1; user < users; ++user) {
    histories[user].resize(1 + random.below(static_cast<std::uint32_t>(longest)));
    for (std::int64_t& item : histories[user]) item = random.below(static_cast<std::uint32_t>(num_items));
  }
  return dataset_of(histories);
}

template <class View>
std::vector<std::int64_t> values_of(const View& view) {
  return {view.data, view.data + view.size()};
}

}  // namespace seqrec_test
