// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/options.hpp"

#include <string>

#include "core/paint_options.hpp"
#include "support/catch.hpp"

using namespace seqrec_test;

namespace {

/// What is said of options with one change.
template <class Change>
std::string complaint(Change change) {
  PaintOptions options;
  change(options);
  return message_of<ArgumentError>([&] { check_options("Paint", options); });
}

}  // namespace

TEST_CASE("options are shown in order, those of nested structs and of the chosen alternative too", "[core]") {
  CHECK(shown({}) ==
        "layers=2 opacity=1 glossy=false colour=green sizes=8-4 signature=me seed=7 tool=brush stiffness=0.5 "
        "frame_width=3 ");
  CHECK(shown({.tool = Hand{}}) ==
        "layers=2 opacity=1 glossy=false colour=green sizes=8-4 signature=me seed=7 tool=Hand frame_width=3 ");
  CHECK(option_values(Hand{}).empty());
}

TEST_CASE("threads and files are options, but decide nothing", "[core]") {
  PaintOptions other{.threads = 4, .sketch = "a", .picture = "b"};
  CHECK(shown(other) == shown({}));
  const OptionList list = list_options(other);
  CHECK(option_named(list, "threads").text() == "4");
  CHECK(option_named(list, "sketch").kind == OptionKind::file_in);
  CHECK(option_named(list, "picture").kind == OptionKind::file_out);
  CHECK(option_named(list, "picture").text() == "b");
}

TEST_CASE("the first option out of range is named with its value and range", "[core][errors]") {
  CHECK_NOTHROW(check_options("Paint", PaintOptions{}));
  CHECK(complaint([](auto& o) { o.layers = 10; }) == "Paint layers is 10, expected 1 .. 9");
  CHECK(complaint([](auto& o) { o.opacity = 0; }) == "Paint opacity is 0, expected a number in (0, 1]");
  CHECK_THAT(
      complaint([](auto& o) { o.sizes.assign(65, 4); }),
      ContainsSubstring("Paint sizes is 4-4-4") && ContainsSubstring("-..., expected at most 64 widths in 1 .. 16"));
  CHECK(complaint([](auto& o) { o.sizes = {4, 17}; }) == "Paint sizes is 4-17, expected at most 64 widths in 1 .. 16");
  CHECK(complaint([](auto& o) { o.tool = Brush{.stiffness = 1}; }) ==
        "Paint stiffness is 1, expected a probability in [0, 1)");
  CHECK(complaint([](auto& o) { o.frame.width = 0; }) == "Paint frame_width is 0, expected at least 1");
  CHECK(complaint([](auto& o) { o.threads = -1; }) == "Paint threads is -1, expected at least 0");
}
