// SPDX-License-Identifier: Apache-2.0
// Pictures by gnuplot, which need not be there.
#pragma once

#include <filesystem>
#include <ostream>
#include <string>

namespace examples {

/// Text in double quotes, so that gnuplot shows it as it is.
std::string gnuplot_text(const std::string& text);

/// The lines that draw `plot`, a command of a script, into PATH.svg and PATH.png.
std::string gnuplot_outputs(const std::filesystem::path& path, const std::string& plot, int width, int height);

/// Runs a script in a folder, of which nothing is left but its pictures.
/// @return false, with a line on `warnings` that says why and what to do, where there is no gnuplot or it fails
bool run_gnuplot(const std::filesystem::path& folder, const std::string& script, std::ostream& warnings);

}  // namespace examples
