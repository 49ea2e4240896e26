// SPDX-License-Identifier: Apache-2.0
// What a request costs is its answer: this file counts every `new` of its executable.
#include <cstddef>
#include <string>
#include <vector>

#include "seqrec/cpu.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/serve/recommender.hpp"
#include "seqrec/serve/user_state.hpp"
#include "support/catch.hpp"
#include "support/counting_new.hpp"

using namespace seqrec;
using seqrec_test::allocations;

TEST_CASE("the first request allocates its answer alone, and so does each after it", "[serve]") {
  SasRec<cpu::Context> model({.items = 200, .width = 16, .blocks = 1, .max_length = 30, .seed = 1});
  std::vector<std::string> ids;
  for (int item = 0; item < 200; ++item) ids.push_back(std::to_string(item));
  model.set_vocabulary(Vocabulary(ids));
  const std::size_t before_construction = allocations;
  Recommender<SasRec<cpu::Context>> server(model, {.team = {.threads = 1}});
  REQUIRE(allocations > before_construction);  // or nothing is being counted
  const auto count = [](auto&& call) {
    const std::size_t before = allocations;
    call();
    return static_cast<std::size_t>(allocations) - before;
  };
  const std::vector<item_t> history = {3, 1, 4, 1, 5, 9, 2, 6};
  const std::vector<std::string> history_ids = {"3", "1", "new", "4"};
  for (int i = 0; i < 10; ++i) CHECK(count([&] { server.recommend(RecommendRequest{history, 10, history}); }) == 1);
  const std::vector<RecommendRequest> recommend(20, {history, 10, history});
  const std::vector<ScoreRequest> score(20, {history, history});
  std::vector<Recommendations<float>> best(20);
  std::vector<Scores<float>> scores(20);
  const std::vector<RecommendRequestById> recommend_ids(20, {history_ids, 10, history_ids});
  const std::vector<ScoreRequestById> score_ids(20, {history_ids, history_ids});
  for (int i = 0; i < 3; ++i) {
    const bool warm = i > 0;  // by id and with many requests, buffers may grow once
    const auto check = [&](std::size_t allocated) { CHECK((!warm || allocated == 21)); };  // the list and each answer
    const auto into_answers = [&](auto&& call) { CHECK((i == 0 || count(call) == 0)); };
    check(count([&] { server.recommend(recommend); }));
    server.recommend(recommend, best);
    into_answers([&] { server.recommend(recommend, best); });
    server.score(score, scores);
    into_answers([&] { server.score(score, scores); });
    check(count([&] { server.score(score); }));
    check(count([&] { server.recommend(recommend_ids); }));
    check(count([&] { server.score(score_ids); }));
  }
}

TEST_CASE("a growing history allocates nothing for an event, before and after it moves", "[serve]") {
  const SasRec<cpu::Context> model(
      {.items = 200, .width = 16, .max_length = 8, .position_origin = PositionOrigin::start, .seed = 1});
  const Recommender<SasRec<cpu::Context>> server(model, {.team = {.threads = 1}});
  UserState<SasRec<cpu::Context>> user(server);
  std::vector<Recommendation<float>> best(10);
  const std::vector<item_t> exclusions = {3, 1, 4};
  const auto serve = [&](item_t item) {
    user.append(item);
    user.recommend(10, exclusions, best);
  };
  serve(0);
  const std::size_t before = allocations;
  for (item_t item = 1; item < 20; ++item) serve(item);
  CHECK(allocations == before);
}
