// SPDX-License-Identifier: Apache-2.0
// The files of RecBole's atomic files, and what is done with what they hold.
#include "seqrec/data/readers/recbole.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/data_sets.hpp"

std::vector<std::string> made_seeds() {
  using seqrec_fuzz::pieces;
  const std::string header = "user_id:token\titem_id:token";
  return {
      header + "\n" + pieces(20000, [](int i) { return "u" + std::to_string(i) + "\ti" + std::to_string(i) + "\n"; }),
      header + pieces(30000, [](int) { return "\t:float"; }) + "\n1\t2" + pieces(30000, [](int) { return "\t"; }) +
          "\n"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return seqrec_fuzz::read_data_set(data, size, {"x.inter", "x.item", "x.user"}, seqrec::read_recbole);
}
