// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "fuzz/support.hpp"
#include "seqrec/core/options.hpp"

namespace seqrec_fuzz {

/// Reads the lines NAME=VALUE that name options of this struct, the first bad value ending it. An option that was read
/// must be written as what reads as the same again.
/// @throws DataError for a value that is none
template <class Options>
void read_option_lines(std::string_view input, Options& options) {
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
    require(option->text() == text, "an option that is another one once it was written");
    static_cast<void>(option->in_range());
    // What options there are depends on the alternative that was chosen.
    if (option->kind == seqrec::OptionKind::alternative) list = seqrec::list_options(options);
  }
}

}  // namespace seqrec_fuzz
