// SPDX-License-Identifier: Apache-2.0
// A table with named columns, and what is done with what it holds.
#include "seqrec/data/readers/named_columns.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/data_sets.hpp"

std::vector<std::string> made_seeds() { return {}; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return seqrec_fuzz::read_data_set(data, size, {"x.csv"}, seqrec::read_named_columns);
}
