// SPDX-License-Identifier: Apache-2.0
#include "compare/summary.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "seqrec/core/errors.hpp"
#include "seqrec/metrics/ranking.hpp"
#include "seqrec/metrics/significance.hpp"

namespace examples::compare {

namespace {

/// A metric of one user, by the name it has in files.
double of_user(const std::string& metric, double rank, double among) {
  if (metric == "auc") return seqrec::user_auc(rank, static_cast<seqrec::index_t>(among));
  const std::size_t at = metric.find('@');
  const std::string kind = metric.substr(0, at);
  const int cutoff = at == std::string::npos ? 0 : std::stoi(metric.substr(at + 1));
  if (kind == "hr" || kind == "recall") return seqrec::hit_rate(rank, cutoff);
  if (kind == "ndcg") return seqrec::ndcg(rank, cutoff);
  if (kind == "mrr" || kind == "map") return seqrec::reciprocal_rank(rank, cutoff);
  if (kind == "precision") return seqrec::precision(rank, cutoff);
  throw seqrec::ArgumentError("metric is " + metric + ", expected auc, or hr, ndcg, mrr, recall, map or precision @K");
}

/// A metric user by user, the mean of the seeds; empty where not all results know their users.
std::vector<double> users_of(const Row& row, const std::string& ranking, const std::string& metric) {
  std::vector<double> sum;
  for (const Result* result : row.results) {
    const Ranking& of = result->rankings.at(ranking);
    if (of.ranks.empty() || (!sum.empty() && sum.size() != of.ranks.size())) return {};
    sum.resize(of.ranks.size());
    for (std::size_t user = 0; user < sum.size(); ++user)
      sum[user] += of_user(metric, of.ranks[user], of.among[user]) / static_cast<double>(row.results.size());
  }
  return sum;
}

bool same_users(const Row& a, const Row& b, const std::string& ranking) {
  const Result &first = *a.results.front(), &second = *b.results.front();
  return first.split == second.split && first.rankings.at(ranking).candidates == second.rankings.at(ranking).candidates;
}

Cell cell_of(const Row& row, const std::string& ranking, const std::string& metric) {
  std::vector<double> values;
  for (const Result* result : row.results) {
    const auto& metrics = result->rankings.at(ranking).metrics;
    const auto found = metrics.find(metric);
    if (found == metrics.end())
      throw seqrec::DataError(seqrec::concatenate(result->run, " has no metric ", metric, ", expected it"));
    values.push_back(found->second);
  }
  Cell cell;
  const auto count = static_cast<double>(values.size());
  cell.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  if (values.size() > 1) {
    double squares = 0;
    for (const double value : values) squares += (value - cell.mean) * (value - cell.mean);
    cell.deviation = std::sqrt(squares / (count - 1));
  }
  if (const auto of = row.contender->published.metrics.find(ranking); of != row.contender->published.metrics.end())
    if (const auto published = of->second.find(metric); published != of->second.end())
      cell.published = published->second;
  return cell;
}

struct Cost {
  double seconds;
  std::int64_t parameters;
};

/// Of a run, and of the runs that trained the models it judges.
Cost cost_of(const Run& run, const Result& result, const Results& results) {
  Cost cost{result.origin.processor_seconds, result.parameters};
  for (const Run& model : run.models())
    if (const Result* const trained = results.find(model)) {
      cost.seconds += trained->origin.processor_seconds;
      cost.parameters += trained->parameters;
    }
  return cost;
}

/// Adds a contender's row where it has results; those that it lacks are missing.
void add_row(Table& table, const Contender& contender, const Results& results) {
  Row row{&contender, {}, {}, 0, 0};
  const std::vector<std::uint64_t> seeds = contender.has_seed ? table.experiment->seeds : std::vector<std::uint64_t>{0};
  for (const std::uint64_t seed : seeds) {
    const Run run{table.experiment, &contender, contender.has_length ? table.length : 0, seed};
    const Result* const result = results.find(run);
    if (result == nullptr) {
      table.missing.push_back(run.name());
      continue;
    }
    const Cost cost = cost_of(run, *result, results);
    row.seconds += cost.seconds;
    if (row.results.empty()) row.parameters = cost.parameters;
    row.results.push_back(result);
  }
  if (row.results.empty()) return;
  row.seconds /= static_cast<double>(row.results.size());
  for (const std::string& metric : table.experiment->metrics) row.cells.push_back(cell_of(row, table.ranking, metric));
  table.rows.push_back(std::move(row));
}

/// By how much a row is ahead of another in one column.
struct Comparison {
  std::size_t column;
  Row* row;
  bool with_next;                        ///< with the next best, not with the baseline
  std::vector<double> of_row, of_other;  ///< user by user
  std::optional<Gain> gain = {};         ///< nothing where users are not known, or are not the same
};

Comparison comparison(const Table& table, std::size_t column, Row& row, const Row& other, bool with_next) {
  const std::string& metric = table.experiment->metrics[column];
  if (!same_users(row, other, table.ranking)) return {column, &row, with_next, {}, {}};
  return {column, &row, with_next, users_of(row, table.ranking, metric), users_of(other, table.ranking, metric)};
}

/// Those over equally many users share their resamples.
void find_gains(std::vector<Comparison>& comparisons) {
  std::map<std::size_t, std::vector<Comparison*>> by_users;
  for (Comparison& of : comparisons)
    if (!of.of_row.empty() && of.of_row.size() == of.of_other.size()) by_users[of.of_row.size()].push_back(&of);
  for (const auto& [users, together] : by_users) {
    std::vector<seqrec::PairedMetric> pairs;
    for (const Comparison* of : together) pairs.push_back({of->of_row, of->of_other});
    const std::vector<seqrec::BootstrapResult> found = seqrec::paired_bootstraps(pairs);
    for (std::size_t i = 0; i < together.size(); ++i)
      together[i]->gain = Gain{found[i].mean_difference, found[i].p_value};
  }
}

/// Marks the best of a column.   @return it and the next
std::pair<Row*, Row*> find_best(Table& table, std::size_t column) {
  std::vector<Row*> order;
  for (Row& row : table.rows) order.push_back(&row);
  std::stable_sort(order.begin(), order.end(),
                   [&](const Row* a, const Row* b) { return a->cells[column].mean > b->cells[column].mean; });
  Cell& best = order[0]->cells[column];
  best.is_best = true;
  best.next = order[1]->contender->name;
  best.lead = best.mean - order[1]->cells[column].mean;
  return {order[0], order[1]};
}

/// Finds the best of each column and whether it is ahead of the next, and sets every other row against the baseline's.
void judge(Table& table) {
  if (table.rows.size() < 2) return;
  const auto baseline = std::find_if(table.rows.begin(), table.rows.end(),
                                     [&](const Row& row) { return row.contender->name == table.experiment->baseline; });
  std::vector<Comparison> comparisons;
  for (std::size_t column = 0; column < table.experiment->metrics.size(); ++column) {
    const auto [best, next] = find_best(table, column);
    comparisons.push_back(comparison(table, column, *best, *next, true));
    if (baseline == table.rows.end()) continue;
    for (Row& row : table.rows)
      if (&row != &*baseline) comparisons.push_back(comparison(table, column, row, *baseline, false));
  }
  find_gains(comparisons);
  for (const Comparison& of : comparisons) {
    Cell& cell = of.row->cells[of.column];
    if (!of.with_next)
      cell.gain = of.gain;
    else if (of.gain)
      cell.p_value = of.gain->p_value;
  }
}

}  // namespace

std::vector<Table> tables(const Plan& plan, const Results& results) {
  std::vector<Table> all;
  for (const Experiment& experiment : plan.experiments)
    for (const std::string& ranking : experiment.rankings)
      for (const std::int64_t length : experiment.lengths_or_own()) {
        Table table{&experiment, ranking, length, {}, {}};
        for (const Contender& contender : experiment.contenders) add_row(table, contender, results);
        judge(table);
        all.push_back(std::move(table));
      }
  return all;
}

}  // namespace examples::compare
