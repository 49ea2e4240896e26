// SPDX-License-Identifier: Apache-2.0
// A checkpoint of a SasRec.
#include "seqrec/models/sasrec.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/checkpoints.hpp"
#include "seqrec/cpu.hpp"

std::vector<std::string> made_seeds() {
  using Model = seqrec::SasRec<seqrec::cpu::Context>;
  Model named({.items = 3, .width = 2, .blocks = 0, .max_length = 2});
  named.set_names({seqrec::Vocabulary(std::vector<std::string>{"tt1", "tt2", "\xC3\xA9"}), {}, {}});
  return {seqrec_fuzz::saved(named),
          seqrec_fuzz::saved(Model({.items = 2, .width = 2, .blocks = 1, .heads = 2, .max_length = 1})),
          seqrec_fuzz::saved(Model({.items = 1, .width = 1, .blocks = 2, .max_length = 1, .feed_forward_width = 1}))};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return seqrec_fuzz::load_and_save<seqrec::SasRec<seqrec::cpu::Context>>(data, size);
}
