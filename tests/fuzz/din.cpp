// SPDX-License-Identifier: Apache-2.0
// A checkpoint of a Din.
#include "seqrec/models/din.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/checkpoints.hpp"
#include "seqrec/cpu.hpp"

std::vector<std::string> made_seeds() {
  using Model = seqrec::Din<seqrec::cpu::Context>;
  Model named({.items = 2,
               .width = 1,
               .attention_hidden = {1},
               .hidden = {1},
               .user_categories = 1,
               .item_categories = 2,
               .feature_width = 1});
  named.set_names({seqrec::Vocabulary(std::vector<std::string>{"7", "8"}),
                   seqrec::Vocabulary(std::vector<std::string>{"age=56+"}),
                   seqrec::Vocabulary(std::vector<std::string>{"genre=a", "year=1990-1994"})});
  return {seqrec_fuzz::saved(named), seqrec_fuzz::saved(Model({.items = 1,
                                                               .width = 1,
                                                               .attention_hidden = {1, 1},
                                                               .attention_activation = seqrec::Activation::dice,
                                                               .hidden = {},
                                                               .item_bias = false}))};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return seqrec_fuzz::load_and_save<seqrec::Din<seqrec::cpu::Context>>(data, size);
}
