// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/options.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

enum class Colour { red, green };
constexpr std::array<const char*, 2> names_of(Colour) { return {"red", "green"}; }

struct Brush {
  static constexpr const char* name = "a brush";
  static constexpr const char* key = "brush";
  double stiffness = 0.5;

  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("stiffness", stiffness, probability(), "how little it bends");
  }
};
struct Hand {
  static constexpr const char* name = "Hand";
};

struct Frame {
  index_t width = 3;

  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("width", width, at_least(1), "of its bars");
  }
};

struct PaintOptions {
  index_t layers = 2;
  double opacity = 1;
  bool glossy = false;
  Colour colour = Colour::green;
  std::vector<index_t> sizes = {8, 4};
  std::string signature = "me";
  std::uint64_t seed = 7;
  std::variant<Hand, Brush> tool = Brush{};
  Frame frame{};
  int threads = 1;
  std::filesystem::path sketch{}, picture{};

  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("layers", layers, in_range(1, 9), "of paint");
    visit("opacity", opacity, share(), "of a layer");
    visit("glossy", glossy, any(), "varnished");
    visit("colour", colour, any(), "of all");
    visit("sizes", sizes, widths(1, 16), "of strokes");
    visit("signature", signature, any(), "in the corner");
    visit("seed", seed, any(), "of strokes");
    visit("tool", tool, "what paints");
    visit("frame_", frame);
    visit("threads", threads, at_least(0), "painters", OptionEffect::none);
    visit("sketch", sketch, file_to_read(), "what to begin from");
    visit("picture", picture, file_to_write(), "where it goes");
  }
};

std::string shown(const PaintOptions& options) {
  std::string text;
  for (const OptionValue& value : option_values(options)) text += value.name + "=" + value.text + " ";
  return text;
}

/// What is said of options with one change.
template <class Change>
std::string complaint(Change change) {
  PaintOptions options;
  change(options);
  return message_of<ArgumentError>([&] { check_options("Paint", options); });
}

const Option& option_named(const OptionList& list, const std::string& name) {
  for (const Option& option : list)
    if (option.name == name) return option;
  throw ArgumentError("no option " + name);
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
}

TEST_CASE("the first option out of range is named with its value and range", "[core][errors]") {
  CHECK_NOTHROW(check_options("Paint", PaintOptions{}));
  CHECK(complaint([](auto& o) { o.layers = 10; }) == "Paint layers is 10, expected 1 .. 9");
  CHECK(complaint([](auto& o) { o.opacity = 0; }) == "Paint opacity is 0, expected a number in (0, 1]");
  CHECK(complaint([](auto& o) { o.sizes = {4, 17}; }) == "Paint sizes is 4-17, expected widths in 1 .. 16");
  CHECK(complaint([](auto& o) { o.tool = Brush{.stiffness = 1}; }) ==
        "Paint stiffness is 1, expected a probability in [0, 1)");
  CHECK(complaint([](auto& o) { o.frame.width = 0; }) == "Paint frame_width is 0, expected at least 1");
  CHECK(complaint([](auto& o) { o.threads = -1; }) == "Paint threads is -1, expected at least 0");
}
