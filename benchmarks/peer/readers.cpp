// SPDX-License-Identifier: Apache-2.0
/// seqrec's half of readers.py: reading a data set behind a C function.

#include <algorithm>
#include <cstdint>

#include "c_functions.hpp"
#include "seqrec/data/readers/load.hpp"

/// Reads a file of interactions, numbers users and items and puts each user's in order.
/// @param items  (capacity) null, or where the items go, user after user   @return the number of interactions
SEQREC_PEER_EXPORT std::int64_t seqrec_peer_read(const char* path, std::int32_t* items, std::int64_t capacity) {
  std::int64_t interactions = -1;
  succeeds([&] {
    const seqrec::Dataset data = seqrec::load_dataset(path);
    if (items != nullptr) {
      seqrec::check_extent("seqrec_peer_read", "capacity", capacity, data.num_interactions());
      std::copy(data.items.begin(), data.items.end(), items);
    }
    interactions = data.num_interactions();
  });
  return interactions;
}
