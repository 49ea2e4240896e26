// SPDX-License-Identifier: Apache-2.0
#include "seqrec/serve/by_id.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "seqrec/data/features.hpp"
#include "seqrec/serve/recommender.hpp"
#include "serve/named_model.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::NamedModel, seqrec_test::OtherContext, seqrec_test::OtherModel;
using Texts = std::vector<std::string>;
using Views = std::array<std::string_view, 2>;

namespace {

/// "id score" of each item.
std::string shown(const AnswerById<float>& answer) {
  std::string all;
  for (const auto& [id, score] : answer.items)
    all += (all.empty() ? "" : ", ") + id + " " + std::to_string(static_cast<int>(score));
  return all;
}

const Texts history = {"tt0", "tt4", "new", "tt2"}, exclusions = {"tt7", "newer", "tt2", "newest"};
const Texts candidates = {"tt3", "new", "tt0", "tt3"};

}  // namespace

namespace {

/// Makes strings as it is walked through.
struct Made {
  struct Iterator {
    std::string operator*() const { return {}; }
  };
  Iterator begin() const { return {}; }
  Iterator end() const { return {}; }
};
static_assert(IdRange<Texts> && IdRange<Views> && IdRange<std::vector<const char*>>);
static_assert(!IdRange<Made> && !IdRange<std::string> && !IdRange<std::vector<int>>);

}  // namespace

TEST_CASE("recommendations by original id leave out what is unknown, and count it", "[serve]") {
  const NamedModel model;  // of ten items, eight have ids
  OtherContext context;
  const auto answer = recommend(model, context, history, 3, exclusions);
  CHECK(shown(answer) == "tt6 206, tt5 205, tt4 204");  // after tt2, without tt7, and without rows 8 and 9
  CHECK(answer.unknown.history == 1);
  CHECK(answer.unknown.exclusions == 2);
  CHECK_FALSE(answer.cold);
  CHECK(shown(recommend(model, context, Views{"tt4", "tt2"}, 2, {})) == "tt7 207, tt6 206");
  CHECK(recommend(model, context, history, 99, {}).items.size() == 8);
  CHECK(recommend(model, context, history, 3, Texts{"tt0", "tt1", "tt2", "tt3", "tt4", "tt5", "tt6", "tt7"})
            .items.empty());
}

TEST_CASE("candidates by original id are scored in their order, without those that are unknown", "[serve]") {
  const NamedModel model;
  OtherContext context;
  const auto answer = score(model, context, history, candidates);
  CHECK(shown(answer) == "tt3 203, tt0 200, tt3 203");
  CHECK(answer.unknown.history == 1);
  CHECK(answer.unknown.candidates == 1);
  CHECK(score(model, context, history, Views{"new", "newer"}).items.empty());
  CHECK(score(model, context, history, {}).items.empty());
}

TEST_CASE("many requests by original id are answered in order, and a cold user spoils nobody's", "[serve]") {
  const NamedModel model;
  Recommender server(model);
  const Texts unknown = {"new", "newer"};
  const auto answers =
      server.recommend(std::vector<RecommendRequestById>{{history, 3, exclusions}, {unknown, 3}, {}, {history, 1}});
  REQUIRE(answers.size() == 4);
  CHECK(shown(answers[0]) == "tt6 206, tt5 205, tt4 204");
  CHECK(answers[0].unknown.exclusions == 2);
  CHECK(answers[1].cold);
  CHECK(answers[1].items.empty());
  CHECK(answers[1].unknown.history == 2);
  CHECK(answers[2].cold);
  CHECK(answers[2].unknown.history == 0);
  CHECK(shown(answers[3]) == "tt7 207");
  const auto scores = server.score(std::vector<ScoreRequestById>{{unknown, candidates}, {history, candidates}});
  CHECK(scores[0].cold);
  CHECK(scores[0].items.empty());
  CHECK(shown(scores[1]) == "tt3 203, tt0 200, tt3 203");
  const Views views = {"tt4", "tt2"};
  CHECK(shown(server.recommend(std::vector<BasicRecommendRequest<std::string_view>>{{views, 1}})[0]) == "tt7 207");
  CHECK(shown(server.score(std::vector<BasicScoreRequest<std::string_view>>{{views, views}})[0]) == "tt4 204, tt2 202");
  CHECK(shown(server.recommend(RecommendRequestById{history, 1})) == "tt7 207");
  CHECK(shown(server.score(ScoreRequestById{history, candidates})) == "tt3 203, tt0 200, tt3 203");
}

TEST_CASE("a request alone of whose history nothing is known is refused with what to offer instead", "[serve]") {
  const NamedModel model;
  OtherContext context;
  Recommender server(model);
  const Texts unknown = {"new", "newer"}, nothing;
  const auto message = [](auto call) { return seqrec_test::message_of<ArgumentError>(call); };
  const std::string hint =
      "; hint: offer the most popular items (seqrec::Popularity), or what the service offers to everybody";
  const std::string known = ": the model knows none of the history's 2 ids, expected at least one" + hint;
  CHECK(message([&] { recommend(model, context, unknown, 3, unknown); }) == "recommend" + known);
  CHECK(message([&] { score(model, context, unknown, history); }) == "score" + known);
  CHECK(message([&] { server.recommend(RecommendRequestById{unknown, 3}); }) == "recommend" + known);
  CHECK(message([&] { server.score(ScoreRequestById{unknown, history}); }) == "score" + known);
  CHECK(message([&] { recommend(model, context, nothing, 3, nothing); }) ==
        "recommend: the history is empty, expected at least one item" + hint);
}

TEST_CASE("a model without ids is told how it gets them", "[serve]") {
  NamedModel model;
  model.names = {};
  OtherContext context;
  CHECK_THAT(seqrec_test::message_of<ArgumentError>([&] { recommend(model, context, history, 3, exclusions); }),
             ContainsSubstring("the model knows no ids") && ContainsSubstring("Trainer::fit") &&
                 ContainsSubstring("set_vocabulary"));
  CHECK_THROWS_AS(Recommender<NamedModel>(model).score(ScoreRequestById{history, candidates}), ArgumentError);
}

TEST_CASE("requests by original id know features", "[serve]") {
  const NamedModel model;
  OtherContext context;
  const FeatureTable categories = make_feature_table(std::vector<Texts>(10, {"a"}));  // each adds nothing but is read
  const KnownUser user{{{}, categories.view(), 0, 1}, -1};
  CHECK(shown(recommend(model, context, history, 1, {}, user)) == "tt7 207");
  CHECK(shown(score(model, context, history, candidates, user)) == "tt3 203, tt0 200, tt3 203");
}
