// SPDX-License-Identifier: Apache-2.0
// Train and evaluate AvgPool, the simplest model with anything to learn, and write the result as JSON.
//
// You learn   how far the mean of a history's item vectors goes: what a model must beat to have learnt from order or
//             from the item in question.
// Run         ./examples/run train_avg_pool --data DIR [--objective click] [--json result.json]; --help lists all
//             options. Two towers: --features --loss sampled-softmax --sharing in_batch --negatives 1024, or with
//             --loss info-nce, which takes popularity out of the scores.
// Data        as for train_sasrec: one data set's folder, as --data or $SEQREC_DATA/ml-100k; else a synthetic set.
// Expect      half a minute; on MovieLens-100K among 1 + 99 candidates HR@10 of .67 and per-user AUC of .89, behind a
//             baseline that needs no training (./examples/run evaluate_baselines); with --recency-weights .73 and .90.

#include "common/backend.hpp"
#include "common/train_encoder.hpp"
#include "seqrec/models/avg_pool.hpp"

int main(int argc, char** argv) {
  examples::EncoderProgram<seqrec::AvgPool<examples::Context>> program{
      .title = "AvgPool",
      .about = "Trains AvgPool, the mean of a history's item vectors, and evaluates it.",
      .training = {.trainer = {.epochs = 200, .batch_size = 32, .seed = 1, .evaluate_every = 3}}};
  return program.run(argc, argv);
}
