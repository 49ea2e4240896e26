// SPDX-License-Identifier: Apache-2.0
// Train and evaluate AvgPool, the simplest model with anything to learn, and write the result as JSON.
//
// You learn   how far the mean of a history's item vectors goes: what a model must beat to have learnt from order or
//             from the item in question.
// Run         ./examples/run train_avg_pool --data DIR [--objective click] [--json result.json]; --help lists all
//             options. Two towers: --features --loss info-nce --sharing in_batch --negatives 1024.
// Data        as for train_sasrec: one data set's folder, as --data or $SEQREC_DATA/ml-100k; else a synthetic set.
// Expect      half a minute; on MovieLens-100K among 1 + 99 candidates HR@10 of .67 and per-user AUC of .89, behind a
//             baseline that needs no training (./examples/run evaluate_baselines); with --recency-weights .73 and .90.

#include "common/command_line.hpp"
#include "common/data.hpp"
#include "common/options.hpp"
#include "common/train_and_report.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/models/avg_pool.hpp"

int main(int argc, char** argv) {
  using Model = seqrec::AvgPool<seqrec::cpu::Context>;
  examples::DataOptions shared;
  examples::TrainingOptions training{.trainer = {.epochs = 200, .batch_size = 32, .seed = 1, .evaluate_every = 3}};
  examples::ObjectiveOptions objective;
  seqrec::AvgPoolOptions options;

  examples::CommandLine line("Trains AvgPool, the mean of a history's item vectors, and evaluates it.");
  shared.declare(line);
  training.declare(line);
  objective.declare(line);
  line.options(options, {{"items", ""}, {"user_categories", ""}, {"item_categories", ""}, {"seed", "--model-seed"}});
  return line.run(argc, argv, [&] {
    training.finish(line, shared, /*quick_epochs=*/3);
    const seqrec::Split split = seqrec::leave_one_out(examples::find_data(shared, "ml-100k"));
    const examples::Candidates candidates(split, shared);
    examples::fit_to_data(training, *split.data, options);
    if (!line.given("--model-seed")) options.seed = training.trainer.seed;
    examples::with_objective(objective, [&](const auto& chosen) {
      examples::train_and_report<Model>("AvgPool", options, training.trainer, split, candidates, chosen, shared.json);
    });
  });
}
