// SPDX-License-Identifier: Apache-2.0
#include "compare/reports.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <fstream>
#include <iomanip>
#include <iterator>
#include <set>
#include <sstream>

#include "seqrec/core/atomic_file.hpp"
#include "seqrec/core/errors.hpp"

namespace examples::compare {

namespace {

std::string number(double value) { return seqrec::concatenate(std::fixed, std::setprecision(4), value); }

/// "0.9102 +- 0.0012", with a sign of the writer's choice.
std::string mean_text(const Cell& cell, const char* plus_minus) {
  return number(cell.mean) + (cell.deviation ? plus_minus + number(*cell.deviation) : "");
}

/// "12 min", "45 s"; nothing for what is not trained.
std::string duration(double seconds) {
  if (seconds <= 0) return "";
  if (seconds < 90) return seqrec::concatenate(std::fixed, std::setprecision(0), seconds, " s");
  return seqrec::concatenate(std::fixed, std::setprecision(1), seconds / 60, " min");
}

/// "1 234 567" is hard to read in a narrow column: "1.23 M".
std::string count(std::int64_t parameters) {
  if (parameters == 0) return "";
  const auto value = static_cast<double>(parameters);
  if (value >= 1e6) return seqrec::concatenate(std::fixed, std::setprecision(2), value / 1e6, " M");
  return seqrec::concatenate(std::fixed, std::setprecision(0), value / 1e3, " k");
}

/// What was ranked: frozen candidates, or the catalogue where a run had none.
std::string ranking_words(const Table& table) {
  if (table.rows.empty()) return table.ranking == "test" ? "test" : "test, full ranking";
  const Ranking& ranking = table.rows.front().results.front()->rankings.at(table.ranking);
  return ranking.candidates.empty() ? "test, full ranking" : "test, frozen candidates";
}

std::string heading(const Table& table) {
  std::string text = seqrec::concatenate(table.experiment->title, ": ", table.experiment->data);
  if (table.length > 0) text += seqrec::concatenate(", histories of ", table.length);
  return text + ", " + ranking_words(table);
}

/// "SASRec paper: .8245 / .5905", in the order of the metrics.
std::string published(const Row& row) {
  std::string text;
  for (const Cell& cell : row.cells) {
    if (!text.empty() || cell.published) text += text.empty() ? "" : " / ";
    if (cell.published)
      text += number(*cell.published);
    else if (!text.empty())
      text += "-";
  }
  if (text.empty()) return "";
  return row.contender->published.source.empty() ? text : text + " (" + row.contender->published.source + ")";
}

/// "+0.0123 (p 0.002)" for each metric, with slashes; empty where nothing is known.
std::string gains(const Row& row) {
  std::string text;
  for (const Cell& cell : row.cells)
    if (cell.gain)
      text += seqrec::concatenate(text.empty() ? "" : " / ", cell.gain->difference < 0 ? "" : "+",
                                  number(cell.gain->difference), " (p ", std::setprecision(2), cell.gain->p_value, ")");
  return text;
}

/// Lines of cells with columns as wide as they must be, the first to the left.
void print_columns(std::ostream& out, const std::vector<std::vector<std::string>>& lines) {
  std::vector<std::size_t> widths;
  for (const auto& line : lines) {
    widths.resize(std::max(widths.size(), line.size()));
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  for (const auto& line : lines) {
    std::ostringstream text;
    for (std::size_t i = 0; i < line.size(); ++i)
      text << (i == 0 ? "  " : "   ") << (i == 0 || i + 1 == line.size() ? std::left : std::right)
           << std::setw(i + 1 == line.size() ? 0 : static_cast<int>(widths[i])) << line[i];
    std::string trimmed = text.str();
    trimmed.erase(trimmed.find_last_not_of(' ') + 1);
    out << trimmed << '\n';
  }
}

void print(std::ostream& out, const Table& table) {
  out << '\n' << heading(table) << '\n';
  if (table.rows.empty()) {
    out << "  no result yet\n";
    return;
  }
  std::vector<std::vector<std::string>> lines = {{"model"}};
  for (const std::string& metric : table.experiment->metrics) lines[0].push_back(metric);
  for (const char* column : {"seeds", "parameters", "processor", "published"}) lines[0].emplace_back(column);
  for (const Row& row : table.rows) {
    lines.push_back({row.contender->name});
    for (const Cell& cell : row.cells)
      lines.back().push_back((cell.is_significant() ? "*" : "") + mean_text(cell, " +- "));
    lines.back().insert(lines.back().end(), {row.contender->has_seed ? std::to_string(row.results.size()) : "",
                                             count(row.parameters), duration(row.seconds), published(row)});
  }
  print_columns(out, lines);
  for (std::size_t i = 0; i < table.experiment->metrics.size(); ++i)
    for (const Row& row : table.rows)
      if (row.cells[i].is_best && row.cells[i].p_value)
        out << "  " << table.experiment->metrics[i] << ": " << row.contender->name << " ahead of the next, p "
            << seqrec::concatenate(std::setprecision(2), *row.cells[i].p_value) << '\n';
  for (const Row& row : table.rows)
    if (const std::string text = gains(row); !text.empty())
      out << "  " << row.contender->name << " over " << table.experiment->baseline << ": " << text << '\n';
  if (!table.missing.empty())
    out << "  without result: " << table.missing.size() << ", the first " << table.missing.front() << '\n';
}

/// The distinct values of all runs of tables, in order, with commas.
template <class Of>
std::string all_of(const std::vector<const Table*>& tables, Of of) {
  std::set<std::string> values;
  for (const Table* table : tables)
    for (const Row& row : table->rows)
      for (const Result* result : row.results) values.insert(of(*result));
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : ", ") + value;
  return text;
}

/// "NDCG@10" for "ndcg@10".
std::string metric_words(std::string metric) {
  if (metric == "auc") return "AUC per user";
  for (char& letter : metric) letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  return metric;
}

std::string rows_markdown(const Table& table) {
  std::string text = "**" + heading(table) + "**\n\n";
  if (table.rows.empty()) return text + "No result yet.\n";
  text += "| model |";
  std::string rule = "|---|";
  for (const std::string& metric : table.experiment->metrics) {
    text += " " + metric_words(metric) + " |";
    rule += "---:|";
  }
  text += " seeds | parameters | processor time | published |\n" + rule + "---:|---:|---:|---|\n";
  for (const Row& row : table.rows) {
    text += "| " + row.contender->name + " |";
    for (const Cell& cell : row.cells) {
      const std::string mark = cell.is_significant() ? "**" : "";
      text += " " + mark + number(cell.mean) + mark + (cell.deviation ? " ± " + number(*cell.deviation) : "") + " |";
    }
    text += seqrec::concatenate(" ", row.contender->has_seed ? std::to_string(row.results.size()) : "", " | ",
                                count(row.parameters), " | ", duration(row.seconds), " | ", published(row), " |\n");
  }
  std::string leads;
  for (std::size_t i = 0; i < table.experiment->metrics.size(); ++i)
    for (const Row& row : table.rows)
      if (const Cell& cell = row.cells[i]; cell.is_best && cell.lead > 0)
        leads +=
            seqrec::concatenate(leads.empty() ? "\n" : "; ", metric_words(table.experiment->metrics[i]), ": ",
                                row.contender->name, " is ", number(cell.lead), " ahead of ", cell.next,
                                cell.p_value ? seqrec::concatenate(", p ", std::setprecision(2), *cell.p_value) : "");
  if (!leads.empty()) text += leads + ".\n";
  std::string over;
  for (const Row& row : table.rows)
    if (const std::string gained = gains(row); !gained.empty())
      over += seqrec::concatenate("- ", row.contender->name, ": ", gained, '\n');
  if (over.empty()) return text;
  return text + "\nOver " + table.experiment->baseline + ", by the columns' order:\n\n" + over;
}

/// One word of a command line.
std::string shell_word(const std::string& word) {
  return word.find_first_of(" '\"$|;&*()<>") == std::string::npos ? word : "'" + word + "'";
}

/// What to type for all of an experiment, and for each of its lines alone.
std::string commands(const Experiment& experiment, const std::filesystem::path& list) {
  std::string text =
      seqrec::concatenate("```sh\n./examples/run compare_models --list ", list.string(), " --data DIR --only '^",
                          experiment.name, "/'\n```\n\n<details><summary>Line by line</summary>\n\n```sh\n");
  std::set<std::string> seen;
  for (const Contender& contender : experiment.contenders) {
    std::string line = seqrec::concatenate("./examples/run ", contender.program, " --data ", experiment.data);
    for (const std::string& word :
         Run{&experiment, &contender, contender.has_length ? experiment.lengths_or_own()[0] : 0,
             contender.has_seed ? experiment.seeds[0] : 0}
             .arguments())
      line += " " + shell_word(word);
    if (seen.insert(line).second) text += line + "\n";
  }
  return text + "```\n\n</details>\n";
}

}  // namespace

void print(std::ostream& out, const std::vector<Table>& tables) {
  for (const Table& table : tables) print(out, table);
  out << "\n* the best of its column, ahead of the next with p < .05 (paired bootstrap over users)\n";
}

void write_csv(const std::filesystem::path& path, const std::vector<Table>& tables) {
  std::string text =
      "experiment,data,ranking,length,model,metric,mean,deviation,seeds,best,p,published,parameters,seconds\n";
  const auto optional = [](const std::optional<double>& value) {
    return value ? seqrec::concatenate(std::setprecision(6), *value) : std::string();
  };
  for (const Table& table : tables)
    for (const Row& row : table.rows)
      for (std::size_t i = 0; i < row.cells.size(); ++i) {
        const Cell& cell = row.cells[i];
        std::string name = row.contender->name;  // quoted, as it may hold commas
        for (std::size_t at = 0; (at = name.find('"', at)) != std::string::npos; at += 2) name.insert(at, 1, '"');
        text += seqrec::concatenate(table.experiment->name, ',', table.experiment->data, ',', table.ranking, ',',
                                    table.length, ",\"", name, "\",", table.experiment->metrics[i], ',',
                                    std::setprecision(6), cell.mean, ',', optional(cell.deviation), ',',
                                    row.results.size(), ',', cell.is_best ? 1 : 0, ',', optional(cell.p_value), ',',
                                    optional(cell.published), ',', row.parameters, ',', row.seconds, '\n');
      }
  seqrec::write_file_atomically(path, text);
}

std::string markdown(const std::vector<const Table*>& tables, const std::filesystem::path& list) {
  const Experiment& experiment = *tables.front()->experiment;
  std::string text;
  std::set<std::string> missing;
  for (const Table* table : tables) {
    text += rows_markdown(*table) + '\n';
    missing.insert(table->missing.begin(), table->missing.end());
  }
  if (!experiment.text.empty()) text += experiment.text + "\n\n";
  if (const std::string commits = all_of(tables, [](const Result& of) { return of.origin.commit; }); !commits.empty())
    text += seqrec::concatenate("Commit ", commits, "; ",
                                all_of(tables, [](const Result& of) { return of.origin.machine; }), "; ",
                                all_of(tables, [](const Result& of) { return of.origin.date; }),
                                ". Bold: ahead of the next with p < .05 (paired bootstrap over users).\n\n");
  if (!missing.empty())
    text += seqrec::concatenate("Not run yet: ", missing.size(), " of the list, the first ", *missing.begin(), ".\n\n");
  return text + commands(experiment, list);
}

void write_page(const std::filesystem::path& page, const std::filesystem::path& text, const std::vector<Table>& tables,
                const std::filesystem::path& list) {
  std::ifstream file(text);
  if (!file) throw seqrec::DataError(text.string() + ": cannot be read, expected the text of a page");
  std::string made;
  std::size_t number = 0;
  const std::string begin = "{{table ", end = "}}";
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (!line.starts_with(begin) || !line.ends_with(end)) {
      made += line + '\n';
      continue;
    }
    const std::string name = line.substr(begin.size(), line.size() - begin.size() - end.size());
    std::vector<const Table*> found;
    for (const Table& table : tables)
      if (table.experiment->name == name) found.push_back(&table);
    if (found.empty())
      throw seqrec::DataError(
          seqrec::concatenate(text.string(), ": line ", number, ": there is no experiment ", name, ", expected one"));
    made += markdown(found, list);
  }
  seqrec::write_file_atomically(page, made);
}

}  // namespace examples::compare
