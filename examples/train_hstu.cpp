// SPDX-License-Identifier: Apache-2.0
// Train and evaluate HSTU, attention without a softmax that reads how far apart events are, with every option in your
// hands, and write the result as JSON.
//
// You learn   what times are worth to a sequential model: with --time-bias it reads them in training, evaluation and
//             serving, and data without times are refused by that name.
// Run         ./examples/run train_hstu --data DIR [--time-bias=false] [--json result.json]; --help lists all options
// Data        as for train_sasrec: one data set's folder, as --data or $SEQREC_DATA/ml-100k; else a synthetic set,
// which
//             has no times.
// Expect      with --quick a few seconds and a validation NDCG@10 that grows from epoch to epoch; docs/results.md has
//             figures on MovieLens-100K.

#include "common/command_line.hpp"
#include "common/data.hpp"
#include "common/options.hpp"
#include "common/train_and_report.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/models/hstu.hpp"

int main(int argc, char** argv) {
  using Model = seqrec::Hstu<seqrec::cpu::Context>;
  examples::DataOptions shared;
  examples::TrainingOptions training{.trainer = {.epochs = 40,
                                                 .batch_size = 16,
                                                 .optimizer = seqrec::Adam{.beta2 = 0.98},
                                                 .seed = 1,
                                                 .evaluate_every = 2,
                                                 .patience = 5}};
  examples::ObjectiveOptions objective{seqrec::NextItem{.loss = seqrec::FullSoftmax{}}};
  seqrec::HstuOptions options{.width = 64, .max_length = 100, .dropout = 0.4};

  examples::CommandLine line("Trains HSTU (Zhai et al. 2024) and evaluates it.");
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
    const seqrec::Split split = seqrec::leave_one_out(examples::find_data(shared, "ml-100k"));
    const examples::Candidates candidates(split, shared);
    examples::fit_to_data(training, *split.data, options);
    if (!line.given("--model-seed")) options.seed = training.trainer.seed;
    if (!line.given("--time-bias")) options.time_bias = !split.data->times.empty();
    examples::with_objective(objective, [&](const auto& chosen) {
      examples::train_and_report<Model>("HSTU", options, training.trainer, split, candidates, chosen, shared.json);
    });
  });
}
