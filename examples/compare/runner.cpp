// SPDX-License-Identifier: Apache-2.0
#include "compare/runner.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fstream>
#include <iomanip>
#include <iterator>
#include <list>
#include <map>
#include <sstream>
#include <thread>
#include <utility>

#include "common/command_line.hpp"
#include "common/process.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/train/interrupt.hpp"

namespace examples::compare {

namespace {

using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm day{};
  ::gmtime_r(&now, &day);
  std::ostringstream text;
  text << std::put_time(&day, "%Y-%m-%d");
  return text.str();
}

std::string duration(double seconds) {
  const auto minutes = static_cast<long>(seconds / 60);
  if (minutes >= 60) return seqrec::concatenate(minutes / 60, " h ", minutes % 60, " min");
  return minutes > 0 ? seqrec::concatenate(minutes, " min ", static_cast<long>(seconds) % 60, " s")
                     : seqrec::concatenate(static_cast<long>(seconds), " s");
}

/// Runs that are one start of a program.
using Task = std::vector<Run>;

std::vector<Task> tasks_of(const std::vector<Run>& runs) {
  std::vector<Task> tasks;
  std::map<std::vector<std::string>, std::size_t> place;
  for (const Run& run : runs) {
    std::vector<std::string> key = run.arguments();
    key.insert(key.end(), {run.contender->program, run.experiment->data});
    const auto [found, is_new] = place.try_emplace(std::move(key), tasks.size());
    if (is_new) tasks.emplace_back();
    tasks[found->second].push_back(run);
  }
  return tasks;
}

/// How long tasks take: as those like them took, else as all took on average.
class Forecast {
 public:
  void add(const Task& task, double seconds) {
    for (Mean* mean : {&of_kind_[kind(task)], &all_}) mean->sum += seconds, ++mean->count;
  }
  /// Once some have been added.
  double seconds(const Task& task) const {
    const auto found = of_kind_.find(kind(task));
    return found != of_kind_.end() ? found->second.value() : all_.value();
  }

 private:
  struct Mean {
    double sum = 0;
    int count = 0;
    double value() const { return sum / count; }
  };
  static std::string kind(const Task& task) {
    const Run& run = task.front();
    return seqrec::concatenate(run.experiment->name, '/', run.contender->name, '/', run.length);
  }
  std::map<std::string, Mean> of_kind_;
  Mean all_;
};

class Runner {
 public:
  Runner(const std::vector<Run>& runs, const RunnerOptions& options, Results& results, std::ostream& out)
      : options_(options), results_(results), out_(out), tasks_(tasks_of(runs)) {
    fs::create_directories(options_.logs);
  }

  std::vector<std::string> make() {
    const seqrec::InterruptGuard interrupt;
    for (std::size_t next = 0; next < tasks_.size() || !running_.empty();) {
      if (interrupt.requested()) next = tasks_.size();
      while (next < tasks_.size() && running_.size() < static_cast<std::size_t>(options_.jobs) &&
             !waits_for_a_model(tasks_[next]))
        start(tasks_[next++]);
      for (auto it = running_.begin(); it != running_.end();) {
        const auto ended = it->process.poll();
        if (!ended) {
          ++it;
          continue;
        }
        finish(*it, *ended, next);
        it = running_.erase(it);
      }
      if (!running_.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    if (interrupt.requested()) throw Interrupted("interrupted; the same command goes on with the runs that are left");
    return failed_;
  }

 private:
  struct Running {
    const Task* task;
    fs::path log, report;
    Clock::time_point begin;
    Process process;
  };

  fs::path model_of(const Run& run) const { return options_.logs / (run.file_name() + ".safetensors"); }

  /// Whether a program that runs is still training what the task judges.
  bool waits_for_a_model(const Task& task) const {
    for (const Run& model : task.front().models())
      for (const Running& running : running_)
        for (const Run& run : *running.task)
          if (run.name() == model.name()) return true;
    return false;
  }

  void start(const Task& task) {
    const Run& run = task.front();
    const std::string file = run.file_name();
    const fs::path log = options_.logs / (file + ".txt"), report = options_.logs / (file + ".json");
    fs::remove(report);
    try {
      for (const Run& model : run.models()) {
        if (results_.find(model) == nullptr)  // a model may be there, from a training that did not end
          throw seqrec::DataError(model.name() + " has no result, expected its model");
        if (!fs::exists(model_of(model)))
          throw seqrec::DataError(seqrec::concatenate(model_of(model).string(),
                                                      ": is not there, expected the model that ", model.name(),
                                                      " trained; without its line it is trained again"));
      }
      std::vector<std::string> arguments = run.arguments(options_.logs);
      if (!options_.data.empty()) {
        const fs::path data = options_.data / run.experiment->data;
        if (!fs::exists(data))
          throw seqrec::DataError(data.string() +
                                  ": is not there, expected the data set; --data or $SEQREC_DATA says where");
        arguments.insert(arguments.end(), {"--data", data.string()});
      }
      if (run.contender->program.starts_with("train_")) {
        arguments.insert(arguments.end(), {"--checkpoint", model_of(run).string()});
        if (options_.jobs > 1) {  // figures do not depend on it
          const auto cores = static_cast<int>(std::thread::hardware_concurrency());
          arguments.insert(arguments.end(), {"--threads", std::to_string(std::max(1, cores / options_.jobs))});
        }
      }
      arguments.insert(arguments.end(), {"--per-user", "--json", report.string()});
      running_.push_back(
          {&task, log, report, Clock::now(), Process(options_.programs / run.contender->program, arguments, log)});
      out_ << "started " << run.name() << ", which writes to " << log.string() << std::endl;
    } catch (const seqrec::Error& error) {
      fail(task, error.what());
    }
  }

  void finish(const Running& running, const Ended& ended, std::size_t next) {
    const Task& task = *running.task;
    if (ended.status != 0)
      return fail(task, seqrec::concatenate(task.front().contender->program, " ended with ", ended.status, ": ",
                                            last_line(running.log), " (", running.log.string(), ")"));
    const double seconds = std::chrono::duration<double>(Clock::now() - running.begin).count();
    forecast_.add(task, seconds);
    std::ifstream file(running.report);
    const std::string report(std::istreambuf_iterator<char>(file), {});
    done_ += 1;
    for (const Run& run : task) {
      try {
        const Result& result =
            results_.add(run, report, {options_.commit, options_.machine, today(), ended.processor_seconds});
        out_ << place(next) << run.name() << "  " << duration(seconds);
        for (const std::string& metric : run.experiment->metrics)
          if (const auto& figures = result.rankings.at(run.experiment->rankings.front()).metrics;
              figures.contains(metric))
            out_ << "  " << metric << ' ' << seqrec::concatenate(std::fixed, std::setprecision(4), figures.at(metric));
        out_ << std::endl;
      } catch (const seqrec::DataError& error) {
        fail({run}, error.what());
      }
    }
  }

  /// "[3/84, ETA 12 min] ".
  std::string place(std::size_t next) const {
    double left = 0;
    for (std::size_t i = next; i < tasks_.size(); ++i) left += forecast_.seconds(tasks_[i]);
    for (const Running& running : running_)
      left += std::max(
          0.0, forecast_.seconds(*running.task) - std::chrono::duration<double>(Clock::now() - running.begin).count());
    return seqrec::concatenate('[', done_, '/', tasks_.size(), ", ETA ", duration(left / options_.jobs), "] ");
  }

  void fail(const Task& task, const std::string& why) {
    for (const Run& run : task) {
      out_ << run.name() << "  FAILED: " << why << std::endl;
      failed_.push_back(run.name());
    }
  }

  RunnerOptions options_;
  Results& results_;
  std::ostream& out_;
  std::vector<Task> tasks_;
  std::list<Running> running_;
  Forecast forecast_;
  std::size_t done_ = 0;
  std::vector<std::string> failed_;
};

}  // namespace

std::vector<std::string> make_runs(const std::vector<Run>& runs, const RunnerOptions& options, Results& results,
                                   std::ostream& out) {
  return Runner(runs, options, results, out).make();
}

}  // namespace examples::compare
