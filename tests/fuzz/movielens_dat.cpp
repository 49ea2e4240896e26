// SPDX-License-Identifier: Apache-2.0
// The files of MovieLens 1M and 10M, and what is done with what they hold.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/data_sets.hpp"
#include "seqrec/data/readers/movielens.hpp"

std::vector<std::string> made_seeds() { return {}; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return seqrec_fuzz::read_data_set(data, size, {"ratings.dat", "movies.dat", "users.dat"}, seqrec::read_movielens_dat);
}
