// SPDX-License-Identifier: Apache-2.0
#include "seqrec/serve/id_server.hpp"

#include <string>
#include <vector>

#include "seqrec/serve/sole_context.hpp"
#include "serve/named_model.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::NamedModel, seqrec_test::OtherContext;
using Texts = std::vector<std::string>;

TEST_CASE("an id server serves calls of any size one after another", "[serve]") {
  const NamedModel model;
  detail::RequestServer<NamedModel> rows(model, {}, 5, 2);
  detail::IdServer<NamedModel> ids;
  OtherContext context;
  detail::SoleContext team(context);
  const Texts history = {"tt1"}, unknown = {"?"}, candidates = {"tt5", "?", "tt2"};
  for (const std::size_t users : {3u, 1u, 5u}) {
    const std::vector<RecommendRequestById> recommend(users, {history, 2, history});
    std::vector<AnswerById<float>> answers(users);
    ids.recommend(rows, team, std::span(recommend), std::span(answers));
    for (const auto& answer : answers) {
      REQUIRE(answer.items.size() == 2);
      CHECK(answer.items[0].id == "tt7");
      CHECK(answer.items[1].score == 106);
    }
    std::vector<ScoreRequestById> score(users, {history, candidates});
    score.back().history = unknown;
    answers.assign(users, {});
    ids.score(rows, team, std::span<const ScoreRequestById>(score), std::span(answers));
    CHECK(answers.back().cold);
    CHECK(answers.back().unknown.history == 1);
    if (users == 1) continue;
    REQUIRE(answers.front().items.size() == 2);
    CHECK(answers.front().items[0].id == "tt5");
    CHECK(answers.front().items[1].score == 102);
    CHECK(answers.front().unknown.candidates == 1);
  }
}
