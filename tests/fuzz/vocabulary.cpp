// SPDX-License-Identifier: Apache-2.0
// The ids of a checkpoint as text.
#include "seqrec/core/vocabulary.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/support.hpp"

std::vector<std::string> made_seeds() {
  using seqrec_fuzz::pieces;
  return {pieces(20000, [](int i) { return std::to_string(i) + "\n"; })};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using seqrec_fuzz::require;
  const std::string_view input = seqrec_fuzz::text_of(data, size);
  return seqrec_fuzz::expect_read_or_error(size, [&] {
    const auto vocabulary = seqrec::Vocabulary::from_text(input, "input");
    require(vocabulary.text() == input, "ids that are written otherwise than they were read");
    std::vector<std::string> ids;
    for (seqrec::index_t row = 0; row < vocabulary.size(); ++row) {
      ids.emplace_back(vocabulary[row]);
      require(vocabulary.find(ids.back()) == static_cast<seqrec::item_t>(row), "an id that is not found in its row");
    }
    require(seqrec::Vocabulary(ids) == vocabulary, "ids that differ one by one from those of a text");
    require(!vocabulary.find("") && !vocabulary.find("\n"), "an id that is none is found");
  });
}
