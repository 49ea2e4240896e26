// SPDX-License-Identifier: Apache-2.0
// Serving a model that reads when events happened.
#include <string>
#include <vector>

#include "seqrec/cpu.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/serve/by_id.hpp"
#include "seqrec/serve/recommender.hpp"
#include "seqrec/serve/score.hpp"
#include "support/catch.hpp"
#include "support/encoders.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::message_of;
using Model = SasRec<DoubleContext>;
using Times = std::vector<std::int64_t>;

namespace {

Model timed_model() {
  Model model({.items = 9, .width = 4, .blocks = 1, .max_length = 4, .time_bias = true});
  seqrec_test::randomise(model, 5);
  std::vector<std::string> ids;
  for (int item = 0; item < 9; ++item) ids.push_back("i" + std::to_string(item));
  model.set_vocabulary(Vocabulary(ids));
  return model;
}

const std::vector<item_t> history = {3, 1, 4, 1, 5}, candidates = {0, 2, 8};
const Times times = {100, 160, 90'000, 90'000, 1'000'000};

}  // namespace

TEST_CASE("scores and recommendations read the times of the last events", "[serve]") {
  const Model model = timed_model();
  DoubleContext context;
  const auto scores = score(model, context, history, candidates, {.times = times});
  // by hand: the state after the last event times the vectors of the items
  const seqrec_test::ToyBatch last({{{1, 4, 1, 5}, {1, 4, 1, 5}, {times.begin() + 1, times.end()}}}, 9, 0);
  const auto states = seqrec_test::encode(model, last);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    double expected = 0;
    for (index_t d = 0; d < 4; ++d)
      expected += states[static_cast<std::size_t>(12 + d)] * model.item_head().table->view()(candidates[i], d);
    CHECK(scores[i] == Approx(expected).epsilon(1e-12));
  }
  Times other = times;
  other[2] = 999'000;
  CHECK(score(model, context, history, candidates, {.times = other}) != scores);
  other = times;
  other[0] = 0;  // of an event that is not read
  CHECK(score(model, context, history, candidates, {.times = other}) == scores);
  const auto best = recommend(model, context, history, 9, {}, {.times = times});
  for (const auto& [item, score_of_item] : best)
    if (item == 2) CHECK(score_of_item == scores[1]);
}

TEST_CASE("a Recommender gives the bits of the functions, with times in each request", "[serve]") {
  const Model model = timed_model();
  DoubleContext context;
  Recommender<Model> recommender(model, {.team = {.threads = 2, .slots = 3}});
  const std::vector<item_t> short_history = {7};
  const Times one = {5};
  const std::vector<ScoreRequest> requests = {
      {history, candidates, -1, times}, {{}, candidates}, {short_history, candidates, -1, one}};
  const auto answers = recommender.score(requests);
  CHECK(answers[0].scores == score(model, context, history, candidates, {.times = times}));
  CHECK(answers[1].cold);
  CHECK(answers[2].scores == score(model, context, short_history, candidates, {.times = one}));
  CHECK(recommender.recommend({.history = history, .count = 3, .times = times}).size() == 3);
}

TEST_CASE("by original id, the times of unknown events are passed over with them", "[serve]") {
  const Model model = timed_model();
  DoubleContext context;
  const std::vector<std::string> ids = {"i1", "new", "i4", "i5"}, asked = {"i0", "i2"};
  const Times of_ids = {10, 20, 5000, 90'000}, of_known = {10, 5000, 90'000};
  const std::vector<item_t> known = {1, 4, 5}, rows = {0, 2};
  const auto answer = score(model, context, ids, asked, {.times = of_ids});
  const auto expected = score(model, context, known, rows, {.times = of_known});
  CHECK(answer.unknown.history == 1);
  REQUIRE(answer.items.size() == 2);
  CHECK(answer.items[0].score == expected[0]);
  CHECK(answer.items[1].score == expected[1]);
  CHECK(message_of<ArgumentError>([&] { score(model, context, ids, asked, {.times = of_known}); }) ==
        "request 0 by original id: times are 3, expected 4, one for each id of the history");
}

TEST_CASE("a request without times is refused by name where the model reads them", "[serve][errors]") {
  const Model model = timed_model();
  DoubleContext context;
  const std::string message =
      "ranking request 0: times are 0, expected 5, one for each event of the history: the model's time_bias reads them";
  CHECK(message_of<ArgumentError>([&] { recommend(model, context, history, 2, {}); }) == message);
  CHECK(message_of<ArgumentError>([&] { score(model, context, history, candidates); }) == message);
  Recommender<Model> recommender(model);
  CHECK(message_of<ArgumentError>([&] { recommender.recommend({.history = history, .count = 3}); }) == message);
}
