// SPDX-License-Identifier: Apache-2.0
#include "common/table.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iomanip>
#include <iterator>
#include <utility>

#include "seqrec/core/errors.hpp"

namespace examples {

void print_table(std::ostream& out, const std::vector<TableRow>& rows) {
  const std::vector<std::string> metrics = {"hr@5", "hr@10", "hr@20", "ndcg@10", "mrr@10", "auc"};
  const std::vector<std::pair<const char*, const char*>> click_metrics = {{"pooled_auc", "pooled auc"},
                                                                          {"log_loss", "log loss"}};
  const int click_width = 10;
  std::size_t model_width = 5;
  for (const TableRow& row : rows) model_width = std::max(model_width, row.model.size());
  const auto begin_line = [&](const std::string& model) {
    out << "  " << std::left << std::setw(static_cast<int>(model_width)) << model << std::right;
  };
  const auto print = [&](const std::string& text, int width = 7) { out << "  " << std::setw(width) << text; };
  const auto number = [](double value) { return seqrec::concatenate(std::fixed, std::setprecision(4), value); };
  const auto print_heading = [&](const TableRow& first) {
    out << first.ranking << ", means over " << first.result.users << " users\n";
    if (!first.left_out.empty()) out << first.left_out << '\n';
    begin_line("model");
    for (const std::string& metric : metrics) print(metric);
    if (first.clicks)
      for (const auto& [name, title] : click_metrics) print(title, click_width);
    out << '\n';
  };
  double largest_error = 0, base_rate_log_loss = 0;
  for (auto row = rows.begin(); row != rows.end(); ++row) {
    if (row == rows.begin() || row->ranking != std::prev(row)->ranking) print_heading(*row);
    begin_line(row->model);
    for (const std::string& name : metrics) {
      const seqrec::RankingMetric& metric = row->result.metric(name);
      print(number(metric.value));
      largest_error = std::isnan(metric.standard_error)
                          ? metric.standard_error
                          : std::max(largest_error, metric.standard_error);  // which stays NaN
    }
    if (row->clicks) {
      for (const auto& [name, title] : click_metrics) print(number((*row->clicks)[name]), click_width);
      base_rate_log_loss = row->clicks->base_rate_log_loss;
    }
    out << '\n';
  }
  out << "standard errors are " << (std::isnan(largest_error) ? "" : "at most ")
      << seqrec::standard_error_text(largest_error);
  if (base_rate_log_loss > 0) out << "; a constant has log loss " << number(base_rate_log_loss);
  out << '\n';
}

void report(std::ostream& out, const RunDescription& run, const std::filesystem::path& json) {
  const Figures& figures = run.figures;
  std::vector<TableRow> rows = {table_row(run.title, figures.validation)};
  if (figures.test) rows.push_back(table_row(run.title, figures.test->candidates));
  if (figures.test && run.candidates.test() != nullptr) rows.push_back(table_row(run.title, figures.test->full));
  print_table(out, rows);
  write_report(json, run);
}

std::vector<TableRow> test_rows(const std::vector<RunDescription>& runs) {
  std::vector<TableRow> rows;
  for (const RunDescription& run : runs)
    rows.push_back(table_row(run.title, run.figures.test ? run.figures.test->candidates : run.figures.validation));
  for (const RunDescription& run : runs)
    if (run.figures.test && run.candidates.test() != nullptr)
      rows.push_back(table_row(run.title, run.figures.test->full));
  return rows;
}

}  // namespace examples
