// SPDX-License-Identifier: Apache-2.0
#include "common/bars.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iomanip>

#include "seqrec/core/errors.hpp"

namespace examples {

void print_bars(std::ostream& out, const std::vector<Bar>& bars, int width) {
  // Blocks of an eighth of a character and more, in UTF-8.
  static constexpr std::array<const char*, 8> parts = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  double heaviest = 0;
  for (const Bar& bar : bars) heaviest = std::max(heaviest, bar.weight);
  for (const Bar& bar : bars) {
    const double share = heaviest > 0 ? std::max(bar.weight, 0.0) / heaviest : 0;
    const auto eighths = static_cast<int>(std::lround(share * width * 8));
    std::string drawn;
    for (int i = 0; i < eighths / 8; ++i) drawn += "█";
    drawn += parts.at(static_cast<std::size_t>(eighths % 8));
    const int length = eighths / 8 + (eighths % 8 != 0);
    out << "      " << drawn << std::string(static_cast<std::size_t>(width - length + 1), ' ')
        << seqrec::concatenate(std::fixed, std::setprecision(3), bar.weight) << "  " << bar.label << '\n';
  }
}

}  // namespace examples
