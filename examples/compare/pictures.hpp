// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <ostream>
#include <vector>

#include "compare/summary.hpp"

namespace examples::compare {

/// Draws, for each experiment and ranking, as SVG and PNG: a metric by the length of histories, where there are several
/// (NAME-METRIC-by-length); validation during training by time, the first seed of each (NAME-training); and its last
/// metric by time of training (NAME-time) and by size (NAME-size). By gnuplot: without it, or where it fails, that is
/// said on `warnings`, and nothing else suffers.
void draw(const std::filesystem::path& folder, const std::vector<Table>& tables, std::ostream& warnings);

}  // namespace examples::compare
