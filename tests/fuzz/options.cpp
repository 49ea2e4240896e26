// SPDX-License-Identifier: Apache-2.0
// Texts of options, as command lines and checkpoints bring them: lines of NAME=VALUE.
#include "seqrec/core/options.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/option_lines.hpp"
#include "fuzz/support.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/data/readers/read_options.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/train/options.hpp"

namespace {

/// Checks them too.
template <class Options>
void read_and_check(std::string_view input) {
  Options options;
  seqrec_fuzz::read_option_lines(input, options);
  seqrec::check_options("fuzz", options);
}

}  // namespace

std::vector<std::string> made_seeds() {
  std::vector<std::string> seeds;
  const auto add = [&](auto options) {
    std::string& text = seeds.emplace_back();
    for (const seqrec::Option& option : seqrec::list_options(options)) text += option.name + "=" + option.text() + "\n";
  };
  add(seqrec::SasRecOptions{.items = 3});
  add(seqrec::DinOptions{.items = 3});
  add(seqrec::TrainerOptions{});
  add(seqrec::ReadOptions{.user_column = "user", .time_unit = seqrec::TimeUnit::seconds, .rating_scale = "1..10"});
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = seqrec_fuzz::text_of(data, size);
  const auto read = [&](auto action) {
    seqrec_fuzz::expect_read_or_error(size, action);
    return seqrec_fuzz::last_error();
  };
  const std::string of_models = read([&] { read_and_check<seqrec::SasRecOptions>(input); });
  const std::string of_din = read([&] { read_and_check<seqrec::DinOptions>(input); });
  const std::string of_trainer = read([&] { read_and_check<seqrec::TrainerOptions>(input); });
  const std::string of_reader = read([&] { read_and_check<seqrec::ReadOptions>(input); });
  if (of_models.empty() || of_din.empty() || of_trainer.empty() || of_reader.empty()) seqrec_fuzz::last_error().clear();
  return 0;
}
