// SPDX-License-Identifier: Apache-2.0
#include "compare/pictures.hpp"

#include <algorithm>
#include <iterator>
#include <string>

#include "common/gnuplot.hpp"
#include "seqrec/core/errors.hpp"

namespace examples::compare {

namespace {

/// A file name of an experiment and what is shown.
std::string file_name(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char letter) { return letter == '@' || letter == ' '; }, '-');
  return text;
}

/// One picture: lines or points of some series.
class Plot {
 public:
  Plot(std::string title, std::string x, std::string y)
      : title_(std::move(title)), x_(std::move(x)), y_(std::move(y)) {}

  void begin(const std::string& name) { series_.push_back({name, ""}); }
  void add(double x, double y, double deviation = 0) {
    series_.back().points += seqrec::concatenate(x, ' ', y, ' ', deviation, '\n');
  }
  bool empty() const {
    return std::all_of(series_.begin(), series_.end(), [](const Series& of) { return of.points.empty(); });
  }
  void scale_by_logarithm() { logarithmic_ = true; }
  /// What lies between two points means nothing.
  void leave_out_lines() { lines_ = false; }
  /// With bars as long as deviations.
  void mark_points() { marks_ = true; }

  /// A script that draws it twice.
  std::string script(const std::filesystem::path& folder, const std::string& name) const {
    std::string data, plots;
    // Okabe and Ito's colours, which people tell apart who do not see red and green as others do.
    const std::vector<std::string> colours = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                              "#E69F00", "#56B4E9", "#000000", "#999999"};
    for (std::size_t i = 0; i < series_.size(); ++i) {
      if (series_[i].points.empty()) continue;
      const std::string block = seqrec::concatenate("$series", i);
      const std::string& colour = colours[i % colours.size()];
      const std::size_t round = i / colours.size();  // the same colours again, by other lines and marks
      data += block + " << EOD\n" + series_[i].points + "EOD\n";
      const auto add = [&](const char* columns, const std::string& style, const std::string& title) {
        plots += seqrec::concatenate(plots.empty() ? "plot " : ", \\\n     ", block, " using ", columns, " with ",
                                     style, " lc rgb \"", colour, "\" ", title);
      };
      const std::string title = "title " + gnuplot_text(series_[i].name);
      if (lines_) add("1:2", seqrec::concatenate("lines lw 2 dt ", round + 1), title);
      const int marks[] = {7, 5, 9, 13};  // discs, squares, triangles, diamonds
      if (marks_)
        add("1:2:3", seqrec::concatenate("yerrorbars pt ", marks[round % std::size(marks)], " ps 1 lw 2"),
            lines_ ? "notitle" : title);
    }
    std::string text = data;
    text += seqrec::concatenate(
        "set title ", gnuplot_text(title_), "\nset xlabel ", gnuplot_text(x_), "\nset ylabel ", gnuplot_text(y_),
        "\nset key outside right top\nset grid back lt 1 lw 1 lc rgb \"#cccccc\"\nset border 3\nset tics "
        "nomirror\nset offsets 0, graph .05, graph .05, graph .05\n");
    text += logarithmic_ ? "set logscale x\n" : "set xrange [0:]\n";
    return text + gnuplot_outputs(folder / name, plots, 900, 520);
  }

 private:
  struct Series {
    std::string name, points;
  };

  std::string title_, x_, y_;
  std::vector<Series> series_;
  bool logarithmic_ = false, lines_ = true, marks_ = false;
};

/// The tables of one experiment and ranking, by ascending length.
std::vector<const Table*> like(const std::vector<Table>& tables, const Table& of) {
  std::vector<const Table*> found;
  for (const Table& table : tables)
    if (table.experiment == of.experiment && table.ranking == of.ranking) found.push_back(&table);
  std::sort(found.begin(), found.end(), [](const Table* a, const Table* b) { return a->length < b->length; });
  return found;
}

Plot by_length(const std::vector<const Table*>& tables, std::size_t metric) {
  const Experiment& experiment = *tables.front()->experiment;
  Plot plot(experiment.title + ", " + experiment.data, "longest history", experiment.metrics[metric]);
  plot.mark_points();
  for (const Contender& contender : experiment.contenders) {
    if (!contender.has_length) continue;
    plot.begin(contender.name);
    for (const Table* table : tables)
      for (const Row& row : table->rows)
        if (row.contender == &contender)
          plot.add(static_cast<double>(table->length), row.cells[metric].mean, row.cells[metric].deviation.value_or(0));
  }
  return plot;
}

Plot training(const Table& table) {
  std::string selection = "validation";
  for (const Row& row : table.rows)
    if (!row.results.front()->selection.empty()) selection = "validation " + row.results.front()->selection;
  Plot plot(table.experiment->title + ", " + table.experiment->data, "epochs of training", selection);
  for (const Row& row : table.rows) {
    plot.begin(row.contender->name);
    for (const Validation& validation : row.results.front()->history) plot.add(validation.epoch, validation.value);
  }
  return plot;
}

Plot cost(const Table& table, bool of_size) {
  const Experiment& experiment = *table.experiment;
  Plot plot(experiment.title + ", " + experiment.data, of_size ? "parameters" : "seconds of processor time",
            experiment.metrics.back());
  plot.scale_by_logarithm();
  plot.leave_out_lines();
  plot.mark_points();
  for (const Row& row : table.rows) {
    const double x = of_size ? static_cast<double>(row.parameters) : row.seconds;
    if (x <= 0) continue;
    plot.begin(row.contender->name);
    plot.add(x, row.cells.back().mean, row.cells.back().deviation.value_or(0));
  }
  return plot;
}

}  // namespace

void draw(const std::filesystem::path& folder, const std::vector<Table>& tables, std::ostream& warnings) {
  std::string text;
  const auto add = [&](const Plot& plot, const std::string& name) {
    if (!plot.empty()) text += "reset\n" + plot.script(folder, file_name(name));
  };
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const Table& first = tables[i];
    const Experiment& experiment = *first.experiment;
    const bool of_new_experiment = i == 0 || tables[i - 1].experiment != &experiment;
    if (!of_new_experiment && tables[i - 1].ranking == first.ranking) continue;
    const std::string name = experiment.name + (first.ranking == "test" ? "" : "-full");
    const std::vector<const Table*> of = like(tables, first);
    if (of.size() > 1)
      for (std::size_t metric = 0; metric < experiment.metrics.size(); ++metric)
        add(by_length(of, metric), name + "-" + experiment.metrics[metric] + "-by-length");
    if (of_new_experiment) add(training(first), experiment.name + "-training");
    add(cost(first, false), name + "-time");
    add(cost(first, true), name + "-size");
  }
  if (!text.empty()) run_gnuplot(folder, text, warnings);
}

}  // namespace examples::compare
