// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace examples {

/// A thing with its weight.
struct Bar {
  std::string label;
  double weight;  ///< at least 0
};

/// Draws a bar for each, as long as its share of the heaviest, with the weight beside it.
/// @param width of the longest bar, in characters
void print_bars(std::ostream& out, const std::vector<Bar>& bars, int width = 30);

}  // namespace examples
