// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/option_list.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "core/paint_options.hpp"
#include "support/catch.hpp"

using namespace seqrec_test;

TEST_CASE("each option has its kind, help and names", "[core]") {
  PaintOptions options;
  const OptionList list = list_options(options);
  CHECK(option_named(list, "layers").kind == OptionKind::whole_number);
  CHECK(option_named(list, "layers").help == "of paint");
  CHECK(option_named(list, "layers").range.words == "1 .. 9");
  CHECK(option_named(list, "opacity").kind == OptionKind::number);
  CHECK(option_named(list, "glossy").kind == OptionKind::flag);
  CHECK(option_named(list, "sizes").kind == OptionKind::list);
  CHECK(option_named(list, "signature").kind == OptionKind::text);
  CHECK(option_named(list, "colour").kind == OptionKind::one_of);
  CHECK(option_named(list, "colour").names == std::vector<std::string>{"red", "green"});
  CHECK(option_named(list, "tool").kind == OptionKind::alternative);
  CHECK(option_named(list, "tool").names == std::vector<std::string>{"Hand", "brush"});
}

TEST_CASE("every text that an option wrote is read back", "[core]") {
  PaintOptions from{.layers = 5,
                    .opacity = 0.1 + 0.2,
                    .glossy = true,
                    .colour = Colour::red,
                    .sizes = {1},
                    .signature = "you",
                    .seed = std::numeric_limits<std::uint64_t>::max(),
                    .tool = Brush{.stiffness = 0.25},
                    .frame = {9},
                    .threads = 3,
                    .sketch = "x",
                    .picture = "y z"};
  PaintOptions to;
  const OptionList target = list_options(to);
  for (const Option& option : list_options(from)) option_named(target, option.name).read(option.text());
  CHECK(shown(to) == shown(from));
  CHECK(to.opacity == from.opacity);
  CHECK(to.picture == "y z");
}

TEST_CASE("choosing an alternative begins with its defaults, unless it is chosen already", "[core]") {
  PaintOptions options{.tool = Brush{.stiffness = 0.75}};
  option_named(list_options(options), "tool").read("brush");
  CHECK(std::get<Brush>(options.tool).stiffness == 0.75);
  option_named(list_options(options), "tool").read("Hand");
  option_named(list_options(options), "tool").read("brush");
  CHECK(std::get<Brush>(options.tool).stiffness == 0.5);
  CHECK(message_of<DataError>([&] { option_named(list_options(options), "tool").read("foot"); }) ==
        "option tool is \"foot\", expected one of Hand, brush");
  CHECK_THAT(message_of<DataError>([&] { option_named(list_options(options), "tool").read("\x1b[2J"); }),
             ContainsSubstring("option tool is \"\\x1b[2J\""));
}
