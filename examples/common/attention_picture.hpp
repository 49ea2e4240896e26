// SPDX-License-Identifier: Apache-2.0
// How much each title of a history weighed in what a model says of others, as a picture.
#pragma once

#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

namespace examples {

/// Titles against titles.
struct AttentionPicture {
  std::string title;
  std::vector<std::string> history;     ///< (H) oldest first
  std::vector<std::string> candidates;  ///< (C)
  std::vector<float> weights;           ///< (C, H)
};

/// Draws a field for each pair, the darker the more it weighs, with its weight: PATH.svg and PATH.png, whatever the
/// extension of `path`. The newest title is on top.
/// @return false, with a line on `warnings`, where gnuplot cannot
bool draw(const std::filesystem::path& path, const AttentionPicture& picture, std::ostream& warnings);

}  // namespace examples
