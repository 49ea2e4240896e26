// SPDX-License-Identifier: Apache-2.0
// The files of MovieLens 100K, and what is done with what they hold.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/data_sets.hpp"
#include "seqrec/data/readers/movielens.hpp"

std::vector<std::string> made_seeds() {
  using seqrec_fuzz::pieces;
  return {pieces(20000, [](int i) { return std::to_string(40 * i) + "\t" + std::to_string(40 * i) + "\t1\t1\n"; }),
          pieces(40000, [](int) { return "1\t1\t1\t1\n"; })};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return seqrec_fuzz::read_data_set(data, size, {"u.data", "u.item", "u.user"}, seqrec::read_movielens_100k);
}
