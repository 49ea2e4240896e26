// SPDX-License-Identifier: Apache-2.0
// Train and evaluate NARM, a recurrent model with attention, with every option in your hands, and write the result as
// JSON.
//
// You learn   what a recurrent state gains from looking back: attention to all earlier states, for all positions of a
//             history in one pass.
// Run         ./examples/run train_narm --data DIR [--attention-softmax] [--json result.json]; --help lists all options
// Data        as for train_sasrec: one data set's folder, as --data or $SEQREC_DATA/ml-100k; else a synthetic set.
// Expect      with --quick a few seconds and a validation NDCG@10 that grows from epoch to epoch; a minute on
//             MovieLens-100K.

#include "common/command_line.hpp"
#include "common/data.hpp"
#include "common/options.hpp"
#include "common/train_and_report.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/models/narm.hpp"

int main(int argc, char** argv) {
  using Model = seqrec::Narm<seqrec::cpu::Context>;
  examples::DataOptions shared;
  examples::TrainingOptions training{
      .trainer = {.epochs = 200, .batch_size = 32, .clip_norm = 5, .seed = 1, .evaluate_every = 1}};
  examples::ObjectiveOptions objective{seqrec::NextItem{.loss = seqrec::FullSoftmax{}}};
  seqrec::NarmOptions options{.width = 64, .hidden = 64, .initial_deviation = 0.02};

  examples::CommandLine line("Trains NARM (Li et al. 2017) and evaluates it.");
  shared.declare(line);
  training.declare(line);
  objective.declare(line);
  line.options(options, {{"items", ""},
                         {"user_categories", ""},
                         {"item_categories", ""},
                         {"softmax", "--attention-softmax"},
                         {"seed", "--model-seed"}});
  return line.run(argc, argv, [&] {
    training.finish(line, shared, /*quick_epochs=*/3);
    const seqrec::Split split = seqrec::leave_one_out(examples::find_data(shared, "ml-100k"));
    const examples::Candidates candidates(split, shared);
    examples::fit_to_data(training, *split.data, options);
    if (!line.given("--model-seed")) options.seed = training.trainer.seed;
    examples::with_objective(objective, [&](const auto& chosen) {
      examples::train_and_report<Model>("NARM", options, training.trainer, split, candidates, chosen, shared.json);
    });
  });
}
