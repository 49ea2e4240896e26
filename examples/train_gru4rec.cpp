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

#include "common/backend.hpp"
#include "common/train_encoder.hpp"
#include "seqrec/models/gru4rec.hpp"

int main(int argc, char** argv) {
  examples::EncoderProgram<seqrec::Gru4Rec<examples::Context>> program{
      .title = "GRU4Rec",
      .about = "Trains GRU4Rec (Hidasi et al. 2016) and evaluates it.",
      .training = {.trainer = {.epochs = 200, .batch_size = 32, .clip_norm = 5, .seed = 1, .evaluate_every = 1}},
      .objective = {seqrec::NextItem{.loss = seqrec::FullSoftmax{}}},
      .options = {.dropout = 0.4, .state_dropout = 0.4}};
  return program.run(argc, argv);
}
