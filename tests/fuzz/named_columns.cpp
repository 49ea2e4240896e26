// SPDX-License-Identifier: Apache-2.0
// A table with named columns, and what is done with what it holds.
#include "seqrec/data/readers/named_columns.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/data_sets.hpp"

std::vector<std::string> made_seeds() {
  using seqrec_fuzz::pieces;
  return {
      "user,item" + pieces(60000, [](int) { return ",a"; }) + "\n1,2" + pieces(60000, [](int) { return ","; }) + "\n",
      "user,item\n" +
          pieces(20000, [](int i) { return '"' + std::to_string(i) + "\",\"" + std::to_string(i) + "\"\n"; })};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return seqrec_fuzz::read_data_set(data, size, {"x.csv"}, seqrec::read_named_columns);
}
