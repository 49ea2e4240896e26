// SPDX-License-Identifier: Apache-2.0
#include "common/attention_picture.hpp"

#include <cmath>
#include <cstddef>
#include <iomanip>
#include <string>

#include "common/gnuplot.hpp"
#include "seqrec/core/errors.hpp"

namespace examples {

namespace {

/// "Delicatessen (1991)"; what is longer than a label may be ends with dots.
std::string label(const std::string& title) {
  constexpr std::size_t longest = 38;
  if (title.size() <= longest) return title;
  std::size_t end = longest - 3;
  while (end > 0 && (static_cast<unsigned char>(title[end]) & 0xC0) == 0x80) --end;  // not within a letter
  return title.substr(0, end) + "...";
}

/// set xtics ("A" 0, "B" 1)
std::string tics(const char* axis, const char* how, const std::vector<std::string>& titles) {
  std::string text = seqrec::concatenate("set ", axis, "tics ", how, " (");
  for (std::size_t i = 0; i < titles.size(); ++i)
    text += seqrec::concatenate(i > 0 ? ", " : "", gnuplot_text(label(titles[i])), ' ', i);
  return text + ") nomirror scale 0\n";
}

}  // namespace

bool draw(const std::filesystem::path& path, const AttentionPicture& picture, std::ostream& warnings) {
  const std::size_t rows = picture.history.size(), columns = picture.candidates.size();
  std::string script = "$weights << EOD\n";
  for (std::size_t c = 0; c < columns; ++c)
    for (std::size_t h = 0; h < rows; ++h) {
      const float weight = picture.weights.at(c * rows + h);
      // Colours go by roots: by the weights themselves all but the largest would look white.
      script +=
          seqrec::concatenate(c, ' ', h, ' ', std::sqrt(weight), ' ', std::fixed, std::setprecision(2), weight, '\n');
    }
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  script += seqrec::concatenate(
      "EOD\nset title ", gnuplot_text(picture.title), "\n", tics("y", "", picture.history),
      tics("x", "rotate by 30 right", picture.candidates), "set xrange [-.5:", columns, "-.5]\nset yrange [-.5:", rows,
      "-.5]\nunset colorbox\nunset border\nset palette defined (0 \"#ffffff\", 1 \"#0072B2\")\nset style fill solid\n",
      gnuplot_outputs(folder / path.stem(),
                      "plot $weights using 1:2:(.48):(.46):3 with boxxyerror lc palette notitle, "
                      "$weights using 1:2:4 with labels font \"sans,11\" notitle",
                      360 + 110 * static_cast<int>(columns), 240 + 26 * static_cast<int>(rows)));
  return run_gnuplot(folder, script, warnings);
}

}  // namespace examples
