// SPDX-License-Identifier: Apache-2.0
// Options of every kind, for the tests of core/options.hpp and core/option_list.hpp.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "seqrec/core/options.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec_test {

using namespace seqrec;

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

inline std::string shown(const PaintOptions& options) {
  std::string text;
  for (const OptionValue& value : option_values(options)) text += value.name + "=" + value.text + " ";
  return text;
}

inline const Option& option_named(const OptionList& list, const std::string& name) {
  for (const Option& option : list)
    if (option.name == name) return option;
  throw ArgumentError("no option " + name);
}
}  // namespace seqrec_test
