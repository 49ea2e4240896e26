// SPDX-License-Identifier: Apache-2.0
// Train and evaluate SASRec with every option in your hands, and write the result as JSON.
//
// You learn   how data, split, candidates, model, objective and trainer fit together in a program for experiments:
//             every static encoder is trained by one like this, which is common/train_encoder.hpp.
// Run         ./examples/run train_sasrec --data DIR [--candidates 100] [--json result.json]; --help lists all options.
//             The defaults are the paper's for MovieLens-1M (Kang & McAuley 2018), with early stopping on validation.
// Data        one data set's folder, as --data or $SEQREC_DATA/ml-1m: MovieLens 100K as GroupLens distributes it
//             (free for research, see its README), or SASRec's "user item" pairs. Else a synthetic set, and it says so.
// Expect      with --quick a few seconds and a validation NDCG@10 that grows from epoch to epoch; on MovieLens-1M
//             docs/results.md has the figures.

#include "common/backend.hpp"
#include "common/train_encoder.hpp"
#include "seqrec/models/sasrec.hpp"

int main(int argc, char** argv) {
  examples::EncoderProgram<seqrec::SasRec<examples::Context>> program{
      .title = "SASRec",
      .about = "Trains SASRec (Kang & McAuley 2018) and evaluates it.",
      .data = "ml-1m",
      .training =
          {.trainer = {.epochs = 1000, .optimizer = seqrec::Adam{.beta2 = 0.98}, .seed = 1, .evaluate_every = 5}},
      .names = {{"position_origin", "--positions"}}};
  return program.run(argc, argv);
}
