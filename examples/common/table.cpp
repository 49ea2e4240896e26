// SPDX-License-Identifier: Apache-2.0
#include "common/table.hpp"

#include <algorithm>
#include <cstddef>
#include <iomanip>

#include "seqrec/core/errors.hpp"

namespace examples {

void print_table(std::ostream& out, const std::vector<TableRow>& rows) {
  const std::vector<std::string> metrics = {"hr@5", "hr@10", "hr@20", "ndcg@10", "mrr@10", "auc"};
  std::size_t model_width = 5, ranking_width = 7;
  for (const TableRow& row : rows) {
    model_width = std::max(model_width, row.model.size());
    ranking_width = std::max(ranking_width, row.ranking.size());
  }
  const auto begin_line = [&](const std::string& model, const std::string& ranking) {
    out << std::left << std::setw(static_cast<int>(model_width)) << model << "  "
        << std::setw(static_cast<int>(ranking_width)) << ranking << std::right;
  };
  begin_line("model", "ranking");
  for (const std::string& metric : metrics) out << "  " << std::setw(7) << metric;
  out << '\n';
  double largest_error = 0;
  for (const TableRow& row : rows) {
    begin_line(row.model, row.ranking);
    for (const std::string& name : metrics) {
      const seqrec::RankingMetric& metric = row.result.metric(name);
      out << "  " << std::setw(7) << seqrec::concatenate(std::fixed, std::setprecision(4), metric.value);
      largest_error = std::max(largest_error, metric.standard_error);
    }
    out << '\n';
  }
  out << seqrec::concatenate("means over ", rows.front().result.users, " users; standard errors are at most ",
                             std::fixed, std::setprecision(4), largest_error, '\n');
}

}  // namespace examples
