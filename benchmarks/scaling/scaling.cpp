// SPDX-License-Identifier: Apache-2.0
// How time and memory grow: a step's time with its tokens and with the catalogue, memory over ten thousand steps, an
// evaluation with the catalogue. Prints points, and writes them as JSON: seqrec_scaling [--quick] [FILE]

#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>
#include <span>
#include <string_view>

#include "scaling/growth.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/data/batches/batcher.hpp"
#include "seqrec/data/splits/split.hpp"
#include "seqrec/evaluate/evaluate.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "seqrec/optim/adam.hpp"
#include "seqrec/train/step.hpp"

namespace {

using namespace scaling;
using Model = seqrec::SasRec<seqrec::cpu::Context>;

constexpr index_t width = 64, longest = 50;
constexpr int threads = 2;

/// A SASRec in training, BCE with one negative.
class Training {
 public:
  Training(const seqrec::Split& split, index_t users, seqrec::TableRows rows)
      : batcher_(split, {.batch_size = users, .max_length = longest, .seed = 1}),
        model_({.items = split.data->num_items(), .width = width, .max_length = longest, .seed = 1}),
        ranges_(model_.parameters()),
        team_(model_.parameters().size(), {.threads = threads}),
        optimizer_(model_.parameters().size(), seqrec::Adam{}, rows) {}

  /// The batch of a step, which `step` trains.
  const seqrec::HostTrainingBatch& make(index_t number) {
    // The last batch of an epoch is smaller.
    const index_t full = std::max<index_t>(batcher_.steps_per_epoch() - 1, 1);
    return batcher_.make(number / full, number % full);
  }
  void step(const seqrec::HostTrainingBatch& batch) {
    seqrec::training_step(team_, model_, ranges_, seqrec::NextItem{.loss = seqrec::BinaryCrossEntropy{}}, optimizer_,
                          batch, 1e-3, 0, 1, optimizer_.steps());
  }
  double bytes_of_weights_and_moments() const {
    return 3.0 * sizeof(float) * static_cast<double>(model_.parameters().size());
  }

 private:
  seqrec::Batcher batcher_;
  Model model_;
  seqrec::ParameterRanges ranges_;
  seqrec::cpu::Team team_;
  seqrec::Optimizer<seqrec::cpu::Context, seqrec::Adam> optimizer_;
};

Series step_by_tokens(bool quick) {
  Series series{"step_by_tokens",
                "SASRec BCE, d64, Amazon lengths, 3,416 items: a step by the tokens of its batch",
                {"tokens", "median_ms", "fastest_ms"},
                {}};
  const seqrec::Split split = seqrec::leave_one_out(amazon_like(8192, 3416));
  for (const index_t users :
       quick ? std::vector<index_t>{32, 64} : std::vector<index_t>{32, 64, 128, 256, 512, 1024, 2048}) {
    Training training(split, users, seqrec::TableRows::dense);
    const auto& batch = training.make(0);
    training.step(batch);
    const Times times = time_calls(quick ? 3 : 60, [&](int) { training.step(batch); });
    series.points.push_back({static_cast<double>(batch.num_targets()), times.median, times.fastest});
  }
  return series;
}

Series step_by_items(bool quick) {
  Series series{"step_by_items",
                "SASRec BCE, B128, Amazon lengths, lazy rows: a step with its batch by the catalogue",
                {"items", "median_ms", "fastest_ms", "resident_mb", "weights_and_moments_mb"},
                {}};
  for (const index_t items :
       quick ? std::vector<index_t>{1000, 10'000} : std::vector<index_t>{10'000, 30'000, 100'000, 300'000, 1'000'000}) {
    const seqrec::Split split = seqrec::leave_one_out(amazon_like(4096, items));
    const double before = resident_bytes();
    Training training(split, 128, seqrec::TableRows::lazy);
    for (index_t i = 0; i < 3; ++i) training.step(training.make(i));
    const Times times = time_calls(quick ? 3 : 60, [&](int i) { training.step(training.make(3 + i)); });
    series.points.push_back({static_cast<double>(items), times.median, times.fastest, (resident_bytes() - before) / 1e6,
                             training.bytes_of_weights_and_moments() / 1e6});
  }
  return series;
}

Series memory_over_steps(bool quick) {
  Series series{"memory_over_steps",
                "SASRec BCE, B32, Amazon lengths, 3,416 items: the process's memory over training",
                {"steps", "resident_mb"},
                {}};
  const seqrec::Split split = seqrec::leave_one_out(amazon_like(8192, 3416));
  Training training(split, 32, seqrec::TableRows::dense);
  const index_t steps = quick ? 20 : 10'000, each = quick ? 10 : 250;
  for (index_t step = 0; step <= steps; ++step) {
    if (step % each == 0) series.points.push_back({static_cast<double>(step), resident_bytes() / 1e6});
    training.step(training.make(step));
  }
  return series;
}

Series evaluation_by_items(bool quick) {
  Series series{"evaluation_by_items",
                "SASRec, 512 users, full ranking: an evaluation by the catalogue",
                {"items", "median_ms", "fastest_ms", "workspace_mb"},
                {}};
  for (const index_t items :
       quick ? std::vector<index_t>{1000, 4000} : std::vector<index_t>{4000, 16'000, 64'000, 256'000, 1'024'000}) {
    const seqrec::Split split = seqrec::leave_one_out(amazon_like(512, items));
    const Model model({.items = items, .width = width, .max_length = longest, .seed = 1});
    const double before = resident_bytes();
    seqrec::cpu::Team team(0, {.threads = threads});
    const Times times = time_calls(
        quick ? 1 : 3, [&](int) { seqrec::evaluate(team, model, split.test, {.team = {.threads = threads}}); });
    series.points.push_back(
        {static_cast<double>(items), times.median, times.fastest, (resident_bytes() - before) / 1e6});
  }
  return series;
}

void print(const Series& series) {
  std::cout << series.title << '\n';
  for (const auto& column : series.columns) std::printf("%24s", column.c_str());
  for (const auto& point : series.points) {
    std::printf("\n");
    for (const double value : point) std::printf("%24.6g", value);
  }
  std::printf("\n\n");
}

void write_list(std::ostream& out, const auto& list, auto&& write_one) {
  out << '[';
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out << ", ";
    write_one(list[i]);
  }
  out << ']';
}

void write(std::ostream& out, const std::vector<Series>& all) {
  out << "{\"threads\": " << threads << ", \"series\": ";
  write_list(out, all, [&](const Series& series) {
    out << "\n {\"name\": \"" << series.name << "\", \"title\": \"" << series.title << "\",\n  \"columns\": ";
    write_list(out, series.columns, [&](const std::string& column) { out << '"' << column << '"'; });
    out << ",\n  \"points\": ";
    write_list(out, series.points,
               [&](const std::vector<double>& point) { write_list(out, point, [&](double value) { out << value; }); });
    out << '}';
  });
  out << "}\n";
}

}  // namespace

int main(int argc, char** argv) {
  bool quick = false;
  std::optional<std::string> path;
  for (const char* const argument : std::span(argv, static_cast<std::size_t>(argc)).subspan(1)) {
    if (std::string_view(argument) == "--quick")
      quick = true;
    else
      path = argument;
  }
  try {
    std::vector<Series> all;
    // Memory first, while nothing else has taken any.
    for (Series (*const measure)(bool) : {memory_over_steps, step_by_tokens, step_by_items, evaluation_by_items}) {
      all.push_back(measure(quick));
      print(all.back());
    }
    if (!path) return 0;
    std::ofstream file(*path);
    write(file, all);
    if (file.flush()) return 0;
    std::cerr << "error: " << *path << " cannot be written\n";
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
  }
  return 1;
}
