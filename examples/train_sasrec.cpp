// SPDX-License-Identifier: Apache-2.0
// Train and evaluate SASRec with every option in your hands, and write the result as JSON.
//
// You learn   how data, split, candidates, model, objective and trainer fit together in a program for experiments:
//             every model of this library is trained by one that looks like this.
// Run         ./examples/run train_sasrec --data DIR [--candidates 100] [--json result.json]; --help lists all options.
//             The defaults are the paper's for MovieLens-1M (Kang & McAuley 2018), with early stopping on validation.
// Data        one data set's folder, as --data or $SEQREC_DATA/ml-1m: MovieLens 100K as GroupLens distributes it
//             (free for research, see its README), or SASRec's "user item" pairs. Else a synthetic set, and it says so.
// Expect      with --quick a few seconds and a validation NDCG@10 that grows from epoch to epoch; on MovieLens-1M
//             docs/results.md has the figures.

#include <cstdint>
#include <optional>

#include "common/command_line.hpp"
#include "common/experiment.hpp"
#include "common/objective_choice.hpp"
#include "common/options.hpp"
#include "common/train_and_report.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/models/sasrec.hpp"

namespace {

using Model = seqrec::SasRec<seqrec::cpu::Context>;

struct Settings {
  examples::Options shared;
  seqrec::SasRecOptions model;
  std::optional<std::uint64_t> model_seed;
  examples::ObjectiveChoice objective;
};

void declare(examples::CommandLine& line, Settings& settings) {
  using examples::at_least;
  settings.shared.trainer = {.epochs = 1000, .optimizer = seqrec::Adam{.beta2 = 0.98}, .seed = 1, .evaluate_every = 5};
  examples::add_shared_options(line, settings.shared);
  examples::add_training_options(line, settings.shared.trainer);
  examples::add_objective_options(line, settings.objective);
  seqrec::SasRecOptions& model = settings.model;
  line.number("--width", model.width, at_least(1), "of the item vectors");
  line.number("--blocks", model.blocks, at_least(0), "transformer blocks");
  line.number("--heads", model.heads, at_least(1), "attention heads, a divisor of the width");
  line.number("--max-length", model.max_length, at_least(1), "how much of a history is read: its last so many events");
  line.number("--dropout", model.dropout, examples::probability(), "probability");
  line.choice("--norm", model.norm, "where a block normalises");
  line.choice("--positions", model.position_origin, "which end of a history positions are counted from");
  line.number("--initial-deviation", model.initial_deviation, examples::not_negative(),
              "of all initial weights; 0 is Xavier-normal, 0.02 suits --loss softmax");
  line.number("--model-seed", settings.model_seed, examples::any_seed(),
              "of the initial weights, if not that of --seed");
}

}  // namespace

int main(int argc, char** argv) {
  examples::CommandLine line("Trains SASRec (Kang & McAuley 2018) and evaluates it.");
  Settings settings;
  declare(line, settings);
  return line.run(argc, argv, [&] {
    examples::with_objective(line, settings.objective, [&](const auto& objective) {
      examples::apply_quick(line, settings.shared, 3);
      const examples::Experiment experiment(settings.shared, examples::find_data(settings.shared, "ml-1m"));
      settings.model.items = experiment.data().num_items();
      settings.model.seed = settings.model_seed.value_or(settings.shared.trainer.seed);
      examples::train_and_report<Model>("SASRec", settings.model, settings.shared, experiment, objective);
    });
  });
}
