// SPDX-License-Identifier: Apache-2.0
// The files of MovieLens 1M and 10M, and what is done with what they hold.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/data_sets.hpp"
#include "seqrec/data/readers/movielens.hpp"

std::vector<std::string> made_seeds() {
  using seqrec_fuzz::pieces;
  return {"1::1::1::1\n@@ movies.dat\n1::x::" + pieces(100000, [](int) { return "a|"; }) + "\n",
          "1::1::1::1\n@@ movies.dat\n" + pieces(20000, [](int i) { return std::to_string(i) + "::x::a\n"; })};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return seqrec_fuzz::read_data_set(data, size, {"ratings.dat", "movies.dat", "users.dat"}, seqrec::read_movielens_dat);
}
