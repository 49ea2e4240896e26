// SPDX-License-Identifier: Apache-2.0
// Train and evaluate AvgPool, the simplest model with anything to learn, and write the result as JSON.
//
// You learn   how far the mean of a history's item vectors goes: what a model must beat to have learnt from order or
//             from the item in question.
// Run         ./examples/run train_avg_pool --data DIR [--objective click] [--json result.json]; --help lists all
//             options.
// Data        as for train_sasrec: one data set's folder, as --data or $SEQREC_DATA/ml-100k; else a synthetic set.
// Expect      half a minute; on MovieLens-100K among 1 + 99 candidates HR@10 of .67 and per-user AUC of .89, behind a
//             baseline that needs no training (./examples/run evaluate_baselines).

#include <cstdint>
#include <optional>

#include "common/command_line.hpp"
#include "common/experiment.hpp"
#include "common/objective_choice.hpp"
#include "common/options.hpp"
#include "common/train_and_report.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/models/avg_pool.hpp"

namespace {

using Model = seqrec::AvgPool<seqrec::cpu::Context>;

struct Settings {
  examples::Options shared;
  seqrec::AvgPoolOptions model;
  std::optional<std::uint64_t> model_seed;
  examples::ObjectiveChoice objective;
};

void declare(examples::CommandLine& line, Settings& settings) {
  using examples::at_least;
  settings.shared.trainer = {.epochs = 200, .batch_size = 32, .seed = 1, .evaluate_every = 3};
  examples::add_shared_options(line, settings.shared);
  examples::add_training_options(line, settings.shared.trainer);
  examples::add_objective_options(line, settings.objective);
  seqrec::AvgPoolOptions& model = settings.model;
  line.number("--width", model.width, at_least(1), "of the item vectors");
  line.number("--max-length", model.max_length, at_least(1), "how much of a history is read: its last so many events");
  line.number("--dropout", model.dropout, examples::probability(), "probability");
  line.choice("--output-table", model.output_table, "whether items are scored by the vectors that embed them");
  line.choice("--projection", model.projection, "between the mean of a history and the state");
  line.number("--initial-deviation", model.initial_deviation, examples::not_negative(),
              "of all initial weights; 0 is Xavier-normal");
  line.number("--model-seed", settings.model_seed, examples::any_seed(),
              "of the initial weights, if not that of --seed");
}

}  // namespace

int main(int argc, char** argv) {
  examples::CommandLine line("Trains AvgPool, the mean of a history's item vectors, and evaluates it.");
  Settings settings;
  declare(line, settings);
  return line.run(argc, argv, [&] {
    examples::with_objective(line, settings.objective, [&](const auto& objective) {
      examples::apply_quick(line, settings.shared, 3);
      const examples::Experiment experiment(settings.shared, examples::find_data(settings.shared, "ml-100k"));
      settings.model.items = experiment.data().num_items();
      settings.model.seed = settings.model_seed.value_or(settings.shared.trainer.seed);
      examples::train_and_report<Model>("AvgPool", settings.model, settings.shared, experiment, objective);
    });
  });
}
