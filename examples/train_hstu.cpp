// SPDX-License-Identifier: Apache-2.0
// Train and evaluate HSTU, attention without a softmax that reads how far apart events are, with every option in your
// hands, and write the result as JSON.
//
// You learn   what times are worth to a sequential model: with --time-bias it reads them in training, evaluation and
//             serving, and data without times are refused by that name.
// Run         ./examples/run train_hstu --data DIR [--time-bias=false] [--json result.json]; --help lists all options
// Data        as for train_sasrec: one data set's folder, as --data or $SEQREC_DATA/ml-100k; else a synthetic set
//             without times.
// Expect      with --quick a few seconds and a validation NDCG@10 that grows from epoch to epoch; docs/results.md has
//             figures on MovieLens-100K.

#include "common/backend.hpp"
#include "common/train_encoder.hpp"
#include "seqrec/models/hstu.hpp"

int main(int argc, char** argv) {
  examples::EncoderProgram<seqrec::Hstu<examples::Context>> program{
      .title = "HSTU",
      .about = "Trains HSTU (Zhai et al. 2024) and evaluates it.",
      .training = {.trainer = {.epochs = 40,
                               .batch_size = 16,
                               .optimizer = seqrec::Adam{.beta2 = 0.98},
                               .seed = 1,
                               .evaluate_every = 2,
                               .patience = 5}},
      .objective = {seqrec::NextItem{.loss = seqrec::FullSoftmax{}}},
      .options = {.width = 64, .max_length = 100, .dropout = 0.4},
      .names = {{"position_origin", "--positions"}},
      .adapt = [](const examples::CommandLine& line, const seqrec::Dataset& data, seqrec::HstuOptions& options) {
        if (!line.given("--time-bias")) options.time_bias = !data.times.empty();
      }};
  return program.run(argc, argv);
}
