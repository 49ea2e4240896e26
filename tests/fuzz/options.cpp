// SPDX-License-Identifier: Apache-2.0
// Texts of options, as command lines and checkpoints bring them: lines of NAME=VALUE.
#include "seqrec/core/options.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/support.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/train/options.hpp"

namespace {

/// Reads the lines that name options of this struct, one error ending it.
template <class Options>
void read_options(std::string_view input) {
  Options options;
  seqrec::OptionList list = seqrec::list_options(options);
  for (std::size_t at = 0; at < input.size();) {
    const std::size_t end = std::min(input.find('\n', at), input.size());
    const std::string_view line = input.substr(at, end - at);
    at = end + 1;
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const auto option = std::find_if(list.begin(), list.end(),
                                     [&](const seqrec::Option& each) { return each.name == line.substr(0, equals); });
    if (option == list.end()) continue;
    option->read(line.substr(equals + 1));
    const std::string text = option->text();
    option->read(text);
    seqrec_fuzz::require(option->text() == text, "an option that is another one once it was written");
    static_cast<void>(option->in_range());
    // What options there are depends on the alternative that was chosen.
    if (option->kind == seqrec::OptionKind::alternative) list = seqrec::list_options(options);
  }
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
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = seqrec_fuzz::text_of(data, size);
  const auto read = [&](auto action) {
    seqrec_fuzz::expect_read_or_error(size, action);
    return seqrec_fuzz::last_error();
  };
  const std::string of_models = read([&] { read_options<seqrec::SasRecOptions>(input); });
  const std::string of_din = read([&] { read_options<seqrec::DinOptions>(input); });
  const std::string of_trainer = read([&] { read_options<seqrec::TrainerOptions>(input); });
  if (of_models.empty() || of_din.empty() || of_trainer.empty()) seqrec_fuzz::last_error().clear();
  return 0;
}
