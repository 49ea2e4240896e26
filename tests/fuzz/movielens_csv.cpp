// SPDX-License-Identifier: Apache-2.0
// The files of the newer MovieLens sets, and what is done with what they hold.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/data_sets.hpp"
#include "seqrec/data/readers/movielens.hpp"

std::vector<std::string> made_seeds() {
  using seqrec_fuzz::pieces;
  const std::string ratings = "userId,movieId,rating,timestamp\n1,1,1,1\n@@ movies.csv\nmovieId,title,genres\n1,";
  return {ratings + '"' + pieces(100000, [](int) { return "\"\""; }) + "\",x\n",
          ratings + pieces(200000, [](int) { return "("; }) + ",x\n"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return seqrec_fuzz::read_data_set(data, size, {"ratings.csv", "movies.csv"}, seqrec::read_movielens_csv);
}
