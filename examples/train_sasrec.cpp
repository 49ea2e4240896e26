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

#include "common/command_line.hpp"
#include "common/data.hpp"
#include "common/options.hpp"
#include "common/train_and_report.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/models/sasrec.hpp"

int main(int argc, char** argv) {
  using Model = seqrec::SasRec<seqrec::cpu::Context>;
  examples::DataOptions shared;
  examples::TrainingOptions training{
      .trainer = {.epochs = 1000, .optimizer = seqrec::Adam{.beta2 = 0.98}, .seed = 1, .evaluate_every = 5}};
  examples::ObjectiveOptions objective;
  seqrec::SasRecOptions options;

  // Names, ranges, meanings and defaults of all options are those of the structs.
  examples::CommandLine line("Trains SASRec (Kang & McAuley 2018) and evaluates it.");
  shared.declare(line);
  training.declare(line);
  objective.declare(line);
  line.options(options, {{"items", ""},
                         {"user_categories", ""},
                         {"item_categories", ""},
                         {"position_origin", "--positions"},
                         {"seed", "--model-seed"}});
  return line.run(argc, argv, [&] {
    training.finish(line, shared, /*quick_epochs=*/3);
    const seqrec::Split split = seqrec::leave_one_out(examples::find_data(shared, "ml-1m"));
    const examples::Candidates candidates(split, shared);
    examples::fit_to_data(training, *split.data, options);
    if (!line.given("--model-seed")) options.seed = training.trainer.seed;
    examples::with_objective(objective, [&](const auto& chosen) {
      examples::train_and_report<Model>("SASRec", options, training.trainer, split, candidates, chosen, shared.json);
    });
  });
}
