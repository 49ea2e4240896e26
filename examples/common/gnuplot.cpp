// SPDX-License-Identifier: Apache-2.0
#include "common/gnuplot.hpp"

#include <fstream>
#include <vector>

#include "common/process.hpp"
#include "seqrec/core/atomic_file.hpp"
#include "seqrec/core/errors.hpp"

namespace examples {

std::string gnuplot_text(const std::string& text) {
  std::string result = "\"";
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') result += '\\';
    if (std::string("_^@{}&~").find(letter) != std::string::npos) result += "\\\\";
    result += letter;
  }
  return result + '"';
}

std::string gnuplot_outputs(const std::filesystem::path& path, const std::string& plot, int width, int height) {
  const auto terminal = [&](const char* name, const char* extension, int scale) {  // scale in halves
    return seqrec::concatenate("set terminal ", name, " size ", width * scale / 2, ",", height * scale / 2,
                               " font \"sans,14\" background \"white\"\nset output '", path.string(), extension, "'\n");
  };
  return terminal("svg", ".svg", 2) + plot + "\n" + terminal("pngcairo", ".png", 3) + "replot\nunset output\n";
}

bool run_gnuplot(const std::filesystem::path& folder, const std::string& script, std::ostream& warnings) {
  std::filesystem::create_directories(folder);
  const std::filesystem::path file = folder / "pictures.gnuplot", log = folder / "pictures.log";
  try {
    seqrec::write_file_atomically(file, script);
    if (const int status = Process("gnuplot", {file.string()}, log).wait().status; status != 0)
      throw seqrec::DataError(seqrec::concatenate("gnuplot ended with ", status, ": ", last_line(log)));
    std::filesystem::remove(file);
    std::filesystem::remove(log);
    return true;
  } catch (const seqrec::DataError& error) {
    warnings << "no pictures: " << error.what() << "; apt-get install gnuplot-nox brings gnuplot\n";
    return false;
  }
}

}  // namespace examples
