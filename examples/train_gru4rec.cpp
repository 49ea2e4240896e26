// SPDX-License-Identifier: Apache-2.0
// Train and evaluate GRU4Rec, a recurrent model, with every option in your hands, and write the result as JSON.
//
// You learn   what a recurrent state makes of a history, and that it needs no positions.
// Run         ./examples/run train_gru4rec --data DIR [--objective click] [--json result.json]; --help lists all
// options.
//             The defaults are a single layer of 64 under the full softmax, with the items' vectors for input and
//             scores.
// Data        as for train_sasrec: one data set's folder, as --data or $SEQREC_DATA/ml-100k; else a synthetic set.
// Expect      with --quick a few seconds and a validation NDCG@10 that grows from epoch to epoch; on MovieLens-100K two
//             minutes, and among 1 + 99 candidates HR@10 of .74 and per-user AUC of .906 (docs/results.md).

#include "common/command_line.hpp"
#include "common/data.hpp"
#include "common/options.hpp"
#include "common/train_and_report.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/models/gru4rec.hpp"

int main(int argc, char** argv) {
  using Model = seqrec::Gru4Rec<seqrec::cpu::Context>;
  examples::DataOptions shared;
  examples::TrainingOptions training{
      .trainer = {.epochs = 200, .batch_size = 32, .clip_norm = 5, .seed = 1, .evaluate_every = 1}};
  examples::ObjectiveOptions objective{seqrec::NextItem{.loss = seqrec::FullSoftmax{}}};
  seqrec::Gru4RecOptions options{.dropout = 0.4, .state_dropout = 0.4};

  examples::CommandLine line("Trains GRU4Rec (Hidasi et al. 2016) and evaluates it.");
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
      examples::train_and_report<Model>("GRU4Rec", options, training.trainer, split, candidates, chosen, shared.json);
    });
  });
}
