// SPDX-License-Identifier: Apache-2.0
// Serve a model: recommendations for one history, scores for candidates, many users at once. No training.
//
// You learn   what serving needs: a model (here with random weights), a context that owns the working memory, and
//             recommend() or score(), by row of the model's table or by original id; a Recommender for many users on
//             several threads. And that a model is one file: it comes back from a checkpoint, ids and all.
// Run         ./examples/run 01_score_one_user
// Data        none
// Expect      five lines "item score" with scores between -10 and 10, three candidates with theirs, and what became of
//             three requests; well under a second. With random weights the order means nothing: quickstart shows a
//             trained model.

#include <cstddef>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

// A server needs no more than this: neither data sets nor training.
#include "seqrec/cpu.hpp"
#include "seqrec/io/checkpoint.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/serve/by_id.hpp"
#include "seqrec/serve/recommender.hpp"

int main() {
  using Context = seqrec::cpu::Context;
  using Model = seqrec::SasRec<Context>;
  Model model({.items = 100, .width = 16, .blocks = 2, .max_length = 20, .seed = 1});

  // What a user did, oldest first. Items are numbered 0 .. items-1; there is no padding item, and no padding.
  const std::vector<seqrec::item_t> history = {12, 7, 55, 3};

  // One context per thread, kept from request to request: after the first it allocates nothing for its own work.
  Context context;
  const auto offers = seqrec::recommend(model, context, history, 5, /*exclusions=*/history);
  std::cout << "item  score\n";
  for (const auto& [item, score] : offers) std::cout << "  " << item << "  " << score << '\n';

  // What others found can be put in order by the same scores.
  const std::vector<seqrec::item_t> candidates = {offers[1].item, 99, offers[0].item};
  const auto scores = seqrec::score(model, context, history, candidates);
  std::cout << "candidate  score\n";
  for (std::size_t i = 0; i < scores.size(); ++i) std::cout << "  " << candidates[i] << "  " << scores[i] << '\n';

  // Behind the numbers are ids: training gives a model those of its data set, and a checkpoint keeps them.
  std::vector<std::string> ids;
  for (int item = 0; item < 100; ++item) ids.push_back("tt" + std::to_string(1000 + item));
  model.set_vocabulary(seqrec::Vocabulary(ids));
  const std::filesystem::path file = "one_user.safetensors";
  seqrec::save(file, model);
  const auto loaded = seqrec::load<Model>(file);
  std::filesystem::remove(file);

  // A server: many users at a time, on all cores. An id that the model has never seen is passed over and counted; a
  // user of whom nothing is known is marked, for whom to offer what is popular.
  seqrec::Recommender<Model> server(loaded);
  const std::vector<std::string> known = {"tt1012", "tt1007", "tt1055", "tt1003"}, partly = {"tt1012", "tt9999"};
  const auto answers =
      server.recommend(std::vector<seqrec::RecommendRequestById>{{known, 5, known}, {partly, 5, partly}, {{}, 5}});
  for (const auto& answer : answers) {
    if (answer.cold)
      std::cout << "nothing is known of this user\n";
    else
      std::cout << answer.items.size() << " items, first " << answer.items.front().id << ", " << answer.unknown.history
                << " ids unknown\n";
  }

  for (std::size_t i = 0; i < offers.size(); ++i)
    if (answers[0].items[i].id != ids[static_cast<std::size_t>(offers[i].item)] ||
        answers[0].items[i].score != offers[i].score) {
      std::cerr << "the loaded model says something else\n";
      return 1;
    }
  std::cout << "and the same from its checkpoint, to the last bit\n";
}
