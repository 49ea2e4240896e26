// SPDX-License-Identifier: Apache-2.0
// Train and judge many models from one list, go on where an earlier run ended, and set them side by side.
//
// You learn   how to compare models honestly: the same data, split and candidates for all, several seeds, a test of
//             significance over users, published figures beside one's own.
// Run         ./examples/run compare_models --list examples/compare/movielens_100k.json [--data DIR]; what a list
//             holds is told in examples/compare/README.md. --help lists all options.
// Data        a folder that holds the data sets by the names the list has: --data DIR or $SEQREC_DATA. --quick runs a
//             short list on a synthetic set.
// Expect      each run once, however often the program is started: results go to a file line by line, and whatever
//             stands there with the same options is not run again. A run that fails is named, and the others go on.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "common/command_line.hpp"
#include "compare/pictures.hpp"
#include "compare/plan.hpp"
#include "compare/process.hpp"
#include "compare/reports.hpp"
#include "compare/results.hpp"
#include "compare/summary.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/train/interrupt.hpp"

namespace {

namespace compare = examples::compare;
namespace fs = std::filesystem;

/// The programs that train or judge, beside this one.
const std::vector<std::string> programs = {"train_sasrec",   "train_gru4rec", "train_narm",        "train_din",
                                           "train_avg_pool", "train_hstu",    "evaluate_baselines"};

struct Settings {
  fs::path list, data, results, csv, pictures, page, text;
  std::string only;
  bool dry_run = false, quick = false;

  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("list", list, seqrec::file_to_read(), "what is compared; JSON, see examples/compare/README.md");
    visit("data", data, seqrec::any(), "the folder that holds the data sets by name; or $SEQREC_DATA");
    visit("results", results, seqrec::file_to_write(),
          "lines of JSON, read and added to; else beside the list, .jsonl");
    visit("only", only, seqrec::any(), "runs only what this regular expression finds; --dry-run shows the names");
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
    if (compare::run_process(program, arguments, log, [] {}) != 0) return "unknown";
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

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::ostringstream text;
  text << std::put_time(std::gmtime(&now), "%Y-%m-%d");
  return text.str();
}

std::string duration(double seconds) {
  const auto minutes = static_cast<long>(seconds / 60);
  if (minutes >= 60) return seqrec::concatenate(minutes / 60, " h ", minutes % 60, " min");
  return minutes > 0 ? seqrec::concatenate(minutes, " min ", static_cast<long>(seconds) % 60, " s")
                     : seqrec::concatenate(static_cast<long>(seconds), " s");
}

/// How long the runs to come will take: as those like them took, else as all took on average.
class Forecast {
 public:
  void add(const compare::Run& run, double seconds) {
    for (Mean* mean : {&of_kind_[kind(run)], &all_}) mean->sum += seconds, ++mean->count;
  }
  /// "ETA 12 min"; "" where nothing is known yet.
  std::string words(const std::vector<compare::Run>& to_come) const {
    if (all_.count == 0) return "";
    double seconds = 0;
    for (const compare::Run& run : to_come) {
      const auto found = of_kind_.find(kind(run));
      seconds += found != of_kind_.end() ? found->second.value() : all_.value();
    }
    return ", ETA " + duration(seconds);
  }

 private:
  struct Mean {
    double sum = 0;
    int count = 0;
    double value() const { return sum / count; }
  };
  static std::string kind(const compare::Run& run) {
    return seqrec::concatenate(run.experiment->name, '/', run.contender->name, '/', run.length);
  }
  std::map<std::string, Mean> of_kind_;
  Mean all_;
};

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
    if (settings_.data.empty() && std::getenv("SEQREC_DATA") != nullptr) settings_.data = std::getenv("SEQREC_DATA");
  }

  /// @return how many runs failed
  std::size_t run() {
    const compare::Plan plan = compare::read_plan(settings_.list, programs);
    compare::Results results(settings_.results, std::cerr);
    std::vector<compare::Run> to_do = missing(plan, results);
    std::cout << plan.runs().size() << " runs in the list, " << to_do.size() << " to do\n";
    if (settings_.dry_run)
      for (const compare::Run& run : to_do) std::cout << "  " << run.name() << ": " << command(run) << '\n';
    else
      make(to_do, results);
    const std::vector<compare::Table> tables = compare::tables(plan, results);
    compare::print(std::cout, tables);
    if (!settings_.csv.empty()) compare::write_csv(settings_.csv, tables);
    if (!settings_.page.empty()) compare::write_page(settings_.page, settings_.text, tables);
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

  void make(std::vector<compare::Run> to_do, compare::Results& results) {
    if (to_do.empty()) return;
    const fs::path logs = with_extension(settings_.results, ".logs");
    fs::create_directories(logs);
    const std::string commit = first_line(
        "git",
        {"-C", settings_.list.parent_path().empty() ? std::string(".") : settings_.list.parent_path().string(),
         "rev-parse", "--short", "HEAD"},
        logs);
    Forecast forecast;
    const std::size_t all = to_do.size();
    const seqrec::InterruptGuard interrupt;
    while (!to_do.empty()) {
      const compare::Run run = to_do.front();
      std::cout << '[' << all - to_do.size() + 1 << '/' << all << forecast.words(to_do) << "] " << run.name()
                << std::flush;
      to_do.erase(to_do.begin());
      const auto begin = std::chrono::steady_clock::now();
      try {
        const compare::Result& result = make(run, logs, commit, results);
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        forecast.add(run, seconds);
        std::cout << "  " << duration(seconds);
        for (const std::string& metric : run.experiment->metrics)
          if (const auto& figures = result.rankings.at(run.experiment->rankings.front()).metrics;
              figures.contains(metric))
            std::cout << "  " << metric << ' '
                      << seqrec::concatenate(std::fixed, std::setprecision(4), figures.at(metric));
        std::cout << std::endl;
      } catch (const seqrec::Error& error) {
        std::cout << "  FAILED: " << error.what() << std::endl;
        failed_.push_back(run.name());
      }
      if (interrupt.requested())
        throw examples::Interrupted("interrupted; the same command goes on with the runs that are left");
    }
  }

  const compare::Result& make(const compare::Run& run, const fs::path& logs, const std::string& commit,
                              compare::Results& results) const {
    std::string file = run.name();
    std::replace_if(
        file.begin(), file.end(), [](char letter) { return letter == '/' || letter == ' '; }, '-');
    const fs::path log = logs / (file + ".txt"), report = logs / (file + ".json");
    fs::remove(report);
    std::vector<std::string> arguments = run.arguments();
    if (!settings_.quick) {
      const fs::path data = settings_.data / run.experiment->data;
      if (!fs::exists(data))
        throw seqrec::DataError(data.string() +
                                ": is not there, expected the data set; --data or $SEQREC_DATA says where");
      arguments.insert(arguments.end(), {"--data", data.string()});
    }
    arguments.insert(arguments.end(), {"--per-user", "--json", report.string()});
    const int status = compare::run_process(programs_folder_ / run.contender->program, arguments, log, [] {});
    if (status != 0)
      throw seqrec::DataError(seqrec::concatenate(run.contender->program, " ended with ", status, ": ",
                                                  compare::last_line(log), " (", log.string(), ")"));
    std::ifstream file_of_report(report);
    const std::string text(std::istreambuf_iterator<char>(file_of_report), {});
    return results.add(run, text, commit, processor(), today());
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
