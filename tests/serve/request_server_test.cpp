// SPDX-License-Identifier: Apache-2.0
#include "seqrec/serve/request_server.hpp"

#include <vector>

#include "seqrec/serve/sole_context.hpp"
#include "support/catch.hpp"
#include "support/other_space.hpp"

using namespace seqrec;
using seqrec_test::CountingSpace, seqrec_test::OtherContext, seqrec_test::OtherModel;
using Items = std::vector<item_t>;

TEST_CASE("requests are answered in order, however many are packed together", "[serve]") {
  const OtherModel model;
  const Items histories[] = {{1}, {}, {5, 2}, {3}, {9, 9, 4}}, candidates = {7, 0, 7};
  std::vector<RecommendRequest> recommend;
  std::vector<ScoreRequest> score;
  for (const Items& history : histories) {
    recommend.push_back({history, 2, history});
    score.push_back({history, candidates});
  }
  score[3].candidates = {};
  for (const index_t users_at_once : {1, 2, 100}) {
    detail::RequestServer<OtherModel> server(model, {}, 4, users_at_once);
    OtherContext context;
    detail::SoleContext team(context);
    std::vector<Recommendations<float>> best(5);
    std::vector<Scores<float>> scores(5);
    for (int round = 0; round < 2; ++round) {
      server.recommend(team, recommend, 9, best);  // the first nine items
      server.score(team, score, scores);
      for (std::size_t i = 0; i < 5; ++i) {
        CAPTURE(users_at_once, i);
        CHECK(best[i].cold == (i == 1));
        CHECK(scores[i].cold == (i == 1));
        if (i == 1) {
          CHECK(best[i].items.empty());
          CHECK(scores[i].scores.empty());
          continue;
        }
        const float last = 100 * static_cast<float>(histories[i].back());
        REQUIRE(best[i].items.size() == 2);
        CHECK(best[i].items[0].score == last + 8);
        CHECK(best[i].items[1].item == 7);
        CHECK(scores[i].scores == (i == 3 ? std::vector<float>{} : std::vector<float>{last + 7, last, last + 7}));
      }
    }
  }
}

namespace {

/// Notes what each shard has to do.
struct CountingTeam : detail::SoleContext<OtherContext> {
  using SoleContext::SoleContext;
  std::vector<index_t> candidates;  ///< of each shard
  template <class Shards, class Work>
  void run(const Shards& batch, Work&& work) {
    SoleContext::run(batch, [&](OtherContext& of_shard, const auto& shard) {
      candidates.push_back(shard.candidates.size());
      work(of_shard, shard);
    });
  }
};

}  // namespace

TEST_CASE("many candidates of one user are dealt to several threads", "[serve]") {
  const OtherModel model;
  OtherContext context;
  CountingTeam team(context);
  detail::RequestServer<OtherModel> server(model, {}, 100, 100);
  const Items history = {1, 2};
  Items many;
  std::vector<float> expected;
  for (int i = 0; i < 500; ++i) {
    many.push_back(i % 10);
    expected.push_back(200 + static_cast<float>(i % 10));
  }
  const Items few = {3};
  const std::vector<ScoreRequest> requests = {{history, few}, {history, many}, {{}, many}, {history, {}}};
  std::vector<Scores<float>> scores(4);
  for (int round = 0; round < 2; ++round) {
    team.candidates.clear();
    server.score(team, requests, scores);
    CHECK(team.candidates == std::vector<index_t>{251, 250});
    CHECK(scores[0].scores == std::vector<float>{203});
    CHECK(scores[1].scores == expected);
    CHECK((scores[2].cold && scores[2].scores.empty()));
    CHECK((!scores[3].cold && scores[3].scores.empty()));
  }
}

TEST_CASE("features go to another space once", "[serve]") {
  const OtherModel model;
  const std::vector<offset_t> offsets = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  const std::vector<category_t> categories(10, 3);
  const Features<HostSpace> features{{}, {{categories.data(), 10}, {offsets.data(), 11}}, 0, 4};
  detail::RequestServer<OtherModel> server(model, features, 100, 100);
  OtherContext context;
  detail::SoleContext team(context);
  const Items history = {1}, candidates = {2};
  const ScoreRequest request{history, candidates};
  Scores<float> answer;
  server.score(team, {&request, 1}, {&answer, 1});
  server.score(team, {&request, 1}, {&answer, 1});
  CHECK(answer.scores == std::vector<float>{102.003f});
  const int before = CountingSpace::allocations;
  server.score(team, {&request, 1}, {&answer, 1});
  CHECK(CountingSpace::allocations == before);
}

TEST_CASE("a server looks at its model where it lies", "[serve]") {
  const OtherModel model;
  detail::RequestServer<OtherModel> server(model, {}, 4, 1);
  CHECK(&server.model() == &model);
  CHECK_NOTHROW(server.prepare(3));
}
