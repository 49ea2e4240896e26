// SPDX-License-Identifier: Apache-2.0
// The files of 'user item' pairs, and what is done with what they hold.
#include "seqrec/data/readers/sequences.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/data_sets.hpp"

std::vector<std::string> made_seeds() {
  using seqrec_fuzz::pieces;
  return {pieces(20000, [](int i) { return std::to_string(50 * i) + " 1\n"; }), pieces(20000, [](int i) {
            return std::to_string(1000003LL * i) + " " + std::to_string(7000003LL * i) + "\n";
          })};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return seqrec_fuzz::read_data_set(data, size, {"x.txt", "item_ids.txt", "user_ids.txt", "movies.dat", "users.dat"},
                                    seqrec::read_sequences);
}
