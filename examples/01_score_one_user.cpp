// SPDX-License-Identifier: Apache-2.0
// Score the catalogue for one history: a model, a context, five recommendations. No training.
//
// You learn   what serving needs: a model (here with random weights), a context that owns the working memory, and
//             recommend(). And that a model is one file: it comes back from a checkpoint and says the same.
// Run         ./examples/run 01_score_one_user
// Data        none
// Expect      five lines "item score" with scores between -10 and 10, twice the same; well under a second. With random
//             weights the order means nothing: quickstart shows a trained model.

#include <cstddef>
#include <filesystem>
#include <iostream>
#include <vector>

// A server needs no more than this: neither data sets nor training.
#include "seqrec/cpu.hpp"
#include "seqrec/io/checkpoint.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/serve/recommend.hpp"

int main() {
  using Context = seqrec::cpu::Context;
  const seqrec::SasRecOptions options{.items = 100, .width = 16, .blocks = 2, .max_length = 20, .seed = 1};
  seqrec::SasRec<Context> model(options);

  // What a user did, oldest first. Items are numbered 0 .. items-1; there is no padding item, and no padding.
  const std::vector<seqrec::item_t> history = {12, 7, 55, 3};

  // One context per thread, kept from request to request: after the first it allocates nothing for its own work.
  Context context;
  const auto offers = seqrec::recommend(model, context, history, 5, /*exclusions=*/history);
  std::cout << "item  score\n";
  for (const auto& [item, score] : offers) std::cout << "  " << item << "  " << score << '\n';

  // A checkpoint holds the options and the weights: nothing else is needed to get the same model back.
  const std::filesystem::path file = "one_user.safetensors";
  seqrec::save(file, model);
  const auto loaded = seqrec::load<seqrec::SasRec<Context>>(file);
  std::filesystem::remove(file);
  const auto again = seqrec::recommend(loaded, context, history, 5, history);
  for (std::size_t i = 0; i < offers.size(); ++i)
    if (again[i].item != offers[i].item || again[i].score != offers[i].score) {
      std::cerr << "the loaded model says something else\n";
      return 1;
    }
  std::cout << "and the same from its checkpoint\n";
}
