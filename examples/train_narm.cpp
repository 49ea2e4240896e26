// SPDX-License-Identifier: Apache-2.0
// Train and evaluate NARM, a recurrent model with attention, with every option in your hands, and write the result as
// JSON.
//
// You learn   what a recurrent state gains from looking back: attention to all earlier states, for all positions of a
//             history in one pass. Its weights add up to 1, as the authors' code has it. In the paper's equations they
//             need not (--attention-softmax=false), and long histories come off worse.
// Run         ./examples/run train_narm --data DIR [--json result.json]; --help lists all options
// Data        as for train_sasrec: one data set's folder, as --data or $SEQREC_DATA/ml-100k; else a synthetic set.
// Expect      with --quick a few seconds and a validation NDCG@10 that grows from epoch to epoch; a minute on
//             MovieLens-100K.

#include "common/backend.hpp"
#include "common/train_encoder.hpp"
#include "seqrec/models/narm.hpp"

int main(int argc, char** argv) {
  examples::EncoderProgram<seqrec::Narm<examples::Context>> program{
      .title = "NARM",
      .about = "Trains NARM (Li et al. 2017) and evaluates it.",
      .training = {.trainer = {.epochs = 200, .batch_size = 32, .clip_norm = 5, .seed = 1, .evaluate_every = 1}},
      .objective = {seqrec::NextItem{.loss = seqrec::FullSoftmax{}}},
      .options = {.width = 64, .hidden = 64, .softmax = true, .initial_deviation = 0.02},
      .names = {{"softmax", "--attention-softmax"}}};
  return program.run(argc, argv);
}
