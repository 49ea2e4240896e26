// SPDX-License-Identifier: Apache-2.0
// Train and judge many models from one list, go on where an earlier run ended, and set them side by side.
//
// You learn   how to compare models honestly: the same data, split and candidates for all, several seeds, a test of
//             significance over users, published figures beside one's own.
// Run         ./examples/run compare_models --list examples/compare/movielens.json [--data DIR]; what a list
//             holds is told in examples/compare/README.md. --help lists all options.
// Data        a folder that holds the data sets by the names the list has: --data DIR or $SEQREC_DATA. --quick runs a
//             short list on a synthetic set.
// Expect      each run once, however often the program is started: results go to a file line by line, and whatever
//             stands there with the same options is not run again. A run that fails is named, and the others go on.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <regex>
#include <string>
#include <vector>

#include "common/command_line.hpp"
#include "common/process.hpp"
#include "compare/pictures.hpp"
#include "compare/plan.hpp"
#include "compare/reports.hpp"
#include "compare/results.hpp"
#include "compare/runner.hpp"
#include "compare/summary.hpp"
#include "seqrec/core/errors.hpp"

namespace {

namespace compare = examples::compare;
namespace fs = std::filesystem;

/// The programs that train or judge, beside this one.
const std::vector<std::string> programs = {"train_sasrec", "train_gru4rec",      "train_narm",
                                           "train_din",    "train_avg_pool",     "train_hstu",
                                           "train_hybrid", "evaluate_baselines", "evaluate_model"};

struct Settings {
  fs::path list, data, results, csv, pictures, page, text;
  std::string only;
  int jobs = 1;
  bool dry_run = false, quick = false;

  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("list", list, seqrec::file_to_read(), "what is compared; JSON, see examples/compare/README.md");
    visit("data", data, seqrec::any(), "the folder that holds the data sets by name; or $SEQREC_DATA");
    visit("results", results, seqrec::file_to_write(),
          "lines of JSON, read and added to; else beside the list, .jsonl");
    visit("only", only, seqrec::any(), "runs only what this regular expression finds; --dry-run shows the names");
    visit("jobs", jobs, seqrec::at_least(1),
          "runs at once, each on its part of the cores: short steps share them badly");
    visit("dry_run", dry_run, seqrec::any(), "runs nothing: says what would be run, and what the results there say");
    visit("csv", csv, seqrec::file_to_write(), "writes the tables there too");
    visit("pictures", pictures, seqrec::any(), "a folder for pictures, by gnuplot");
    visit("page", page, seqrec::file_to_write(), "writes --text there with its {{table NAME}} lines filled in");
    visit("text", text, seqrec::file_to_read(), "the text of --page");
    visit("quick", quick, seqrec::any(), "three short runs on synthetic data, without a list: to see that all works");
  }
};

/// What --quick compares.
constexpr const char* quick_list = R"({"experiments": [{"name": "quick", "title": "Three models", "data": "synthetic",
 "seeds": [1, 2], "options": {"quick": true}, "contenders": [
  {"name": "SASRec", "program": "train_sasrec", "published": {"test": {"auc": 0.9}}, "source": "nobody"},
  {"name": "AvgPool", "program": "train_avg_pool"},
  {"name": "transition-kNN", "program": "evaluate_baselines", "pick": "transition-kNN", "has_length": false,
   "has_seed": false}]}]}
)";

fs::path with_extension(fs::path path, const char* extension) { return path.replace_extension(extension); }

std::string first_line(const fs::path& program, const std::vector<std::string>& arguments, const fs::path& folder) {
  const fs::path log = folder / "answer.txt";
  try {
    if (examples::Process(program, arguments, log).wait().status != 0) return "unknown";
  } catch (const seqrec::DataError&) {
    return "unknown";
  }
  std::ifstream file(log);
  std::string line;
  std::getline(file, line);
  return line.empty() ? "unknown" : line;
}

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown processor";
}

/// Where things are, and what is asked.
class Comparison {
 public:
  explicit Comparison(const Settings& settings)
      : settings_(settings), programs_folder_(fs::read_symlink("/proc/self/exe").parent_path()) {
    if (settings_.quick) {
      settings_.list = "compare-quick.json";
      std::ofstream(settings_.list) << quick_list;
    }
    if (settings_.list.empty()) throw seqrec::DataError("--list is missing, expected a file that says what to compare");
    if (settings_.results.empty()) settings_.results = with_extension(settings_.list, ".jsonl");
    const char* const data = std::getenv("SEQREC_DATA");  // NOLINT(concurrency-mt-unsafe): there is one thread yet
    if (settings_.data.empty() && data != nullptr) settings_.data = data;
  }

  /// @return how many runs failed
  std::size_t run() {
    const compare::Plan plan = compare::read_plan(settings_.list, programs);
    compare::Results results(settings_.results, std::cerr);
    const std::vector<compare::Run> to_do = missing(plan, results);
    std::cout << plan.runs().size() << " runs in the list, " << to_do.size() << " to do\n";
    if (settings_.dry_run)
      for (const compare::Run& run : to_do) std::cout << "  " << run.name() << ": " << command(run) << '\n';
    else if (!to_do.empty())
      failed_ = compare::make_runs(to_do, runner(), results, std::cout);
    const std::vector<compare::Table> tables = compare::tables(plan, results);
    compare::print(std::cout, tables);
    if (!settings_.csv.empty()) compare::write_csv(settings_.csv, tables);
    if (!settings_.page.empty()) compare::write_page(settings_.page, settings_.text, tables, settings_.list);
    if (!settings_.pictures.empty()) compare::draw(settings_.pictures, tables, std::cerr);
    return failed_.size();
  }

 private:
  std::vector<compare::Run> missing(const compare::Plan& plan, const compare::Results& results) const {
    std::vector<compare::Run> runs;
    const std::regex wanted(settings_.only);
    for (const compare::Run& run : plan.runs())
      if (results.find(run) == nullptr && std::regex_search(run.name(), wanted)) runs.push_back(run);
    return runs;
  }

  static std::string command(const compare::Run& run) {
    std::string text = run.contender->program;
    for (const std::string& argument : run.arguments()) text += " " + argument;
    return text;
  }

  /// What makes runs here.
  compare::RunnerOptions runner() const {
    const fs::path logs = with_extension(settings_.results, ".logs");
    fs::create_directories(logs);
    return {.programs = programs_folder_,
            .data = settings_.quick          ? fs::path()
                    : settings_.data.empty() ? fs::path(".")
                                             : settings_.data,
            .logs = logs,
            .jobs = settings_.jobs,
            .commit = first_line("git", {"-C", programs_folder_.string(), "rev-parse", "--short", "HEAD"}, logs),
            .machine = processor()};
  }

  Settings settings_;
  fs::path programs_folder_;
  std::vector<std::string> failed_;
};

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  examples::CommandLine line("Trains and judges many models from one list, and sets them side by side.");
  line.options(settings);
  return line.run(argc, argv, [&] {
    if (const std::size_t failed = Comparison(settings).run(); failed > 0)
      throw seqrec::DataError(seqrec::concatenate(failed, " runs failed; the same command tries them again"));
  });
}
