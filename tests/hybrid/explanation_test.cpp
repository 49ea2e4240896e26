// SPDX-License-Identifier: Apache-2.0
#include "seqrec/hybrid/explanation.hpp"

#include <cmath>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/hybrids.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

const std::vector<item_t> asked = {1, 2, 3, 40};

template <class Model>
std::vector<Explanation> explanations(const HybridRanker<Model>& ranker, index_t event,
                                      const ExplainOptions& options = {}) {
  HybridContext context;
  return explain(ranker, context, moment_of(hybrid_split().test, event), asked, options);
}

}  // namespace

TEST_CASE("contributions, and their sums by group, add up to the score of a request") {
  const HybridRanker<HybridDin> ranker = din_hybrid().ranker;
  HybridContext context;
  const std::vector<double> scores = score(ranker, context, moment_of(hybrid_split().test, 2), asked);
  const std::vector<Explanation> all = explanations(ranker, 2);
  REQUIRE(all.size() == asked.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Explanation& of = all[i];
    CHECK(of.item == asked[i]);
    CHECK(of.score == scores[i]);
    REQUIRE(std::ssize(of.contributions) == ranker.columns().schema().size());
    const double sum = std::accumulate(of.contributions.begin(), of.contributions.end(), of.expected);
    CHECK(std::abs(sum - of.score) < 1e-6);
    CHECK(std::abs(std::accumulate(of.groups.begin(), of.groups.end(), of.expected) - of.score) < 1e-6);
    double deep = 0;
    for (index_t c = 0; c < ranker.columns().num_deep(); ++c) deep += of.contributions[static_cast<std::size_t>(c)];
    CHECK(of.groups[static_cast<std::size_t>(FeatureGroup::deep)] == deep);
  }
}

TEST_CASE("reasons are the strongest contributions either way, in sentences of their rows") {
  const HybridRanker<HybridDin> ranker = din_hybrid().ranker;
  const FeatureMoment moment = moment_of(hybrid_split().test, 7);
  for (const Explanation& of : explanations(ranker, 7, {.reasons = 3})) {
    REQUIRE(of.reasons_for.size() <= 3);
    for (const bool positive : {true, false}) {
      const std::vector<Reason>& reasons = positive ? of.reasons_for : of.reasons_against;
      double last = 1e300;
      for (const Reason& reason : reasons) {
        CHECK((positive ? reason.contribution > 0 : reason.contribution < 0));
        CHECK(std::abs(reason.contribution) <= last);
        last = std::abs(reason.contribution);
        CHECK(reason.contribution == of.contributions[static_cast<std::size_t>(reason.column)]);
        CHECK(reason.sentence == sentence_of(ranker, moment, of.item, of.row, reason.column));
        CHECK(reason.sentence.find('{') == std::string::npos);
      }
      if (reasons.size() < 3) continue;
      for (index_t c = 0; c < std::ssize(of.contributions); ++c) {
        const double value = of.contributions[static_cast<std::size_t>(c)];
        const bool is_told =
            std::any_of(reasons.begin(), reasons.end(), [c](const Reason& reason) { return reason.column == c; });
        if (!is_told && (value > 0) == positive) CHECK(std::abs(value) <= last);
      }
    }
  }
}

TEST_CASE("the model's own columns have sentences too") {
  const HybridRanker<HybridDin> ranker = din_hybrid().ranker;
  const FeatureMoment moment = moment_of(hybrid_split().test, 2);
  std::vector<float> row(static_cast<std::size_t>(ranker.columns().schema().size()), 1.5F);
  CHECK(sentence_of(ranker, moment, 3, row, 0) == "The network's score for it is 1.5.");
  row[0] = std::nanf("");
  CHECK(sentence_of(ranker, moment, 3, row, 0) == "The network knows nothing of you yet.");
  CHECK_THROWS_AS(sentence_of(ranker, moment, 3, row, -1), ArgumentError);
  row.pop_back();
  CHECK_THROWS_AS(sentence_of(ranker, moment, 3, row, 0), ShapeError);
}

TEST_CASE("paths go through the trees that say most, and watched events are the model's attention") {
  const HybridRanker<HybridDin> ranker = din_hybrid().ranker;
  const FeatureMoment moment = moment_of(hybrid_split().test, 7);
  HybridContext context;
  for (const Explanation& of : explanations(ranker, 7, {.paths = 2, .watched = 100})) {
    REQUIRE(of.paths.size() == 2);
    CHECK(std::abs(of.paths[0].output - of.paths[0].expected) >= std::abs(of.paths[1].output - of.paths[1].expected));
    const auto weights = attention_weights(ranker.model(), context, moment.history, of.item);
    REQUIRE(of.watched.size() == weights.size());
    double last = 1e300;
    const index_t first = std::ssize(moment.history) - std::ssize(weights);
    for (const Watched& event : of.watched) {
      CHECK(event.weight <= last);
      last = event.weight;
      CHECK(event.item == moment.history[static_cast<std::size_t>(event.position)]);
      CHECK(event.weight == static_cast<double>(weights[static_cast<std::size_t>(event.position - first)]));
    }
  }
}

TEST_CASE("trees alone, a user without history and no items at all are explained as far as there is something") {
  const HybridRanker<NoDeepModel> alone = explicit_hybrid().ranker;
  for (const Explanation& of : explanations(alone, 2)) {
    CHECK(of.watched.empty());
    CHECK(of.groups[static_cast<std::size_t>(FeatureGroup::deep)] == 0);
  }
  const HybridRanker<HybridDin> ranker = din_hybrid().ranker;
  HybridContext context;
  const std::vector<Explanation> cold = explain(ranker, context, FeatureMoment{}, asked);
  REQUIRE(cold.size() == asked.size());
  CHECK(cold[0].watched.empty());
  CHECK(explain(ranker, context, FeatureMoment{}, {}).empty());
  CHECK_THROWS_AS(explanations(ranker, 2, {.reasons = -1}), ArgumentError);
}

TEST_CASE("importance has every column once, by the mean size of its contributions") {
  const HybridRanker<HybridDin> ranker = din_hybrid().ranker;
  HybridRanker<HybridDin>::Scorer scorer(ranker);
  HybridContext context;
  const auto rows = scorer.rows(context, moment_of(hybrid_split().test, 2), asked);
  const index_t columns = ranker.columns().schema().size();
  const std::vector<Explanation> all = explanations(ranker, 2);
  const std::vector<Importance> found = importance(ranker.booster(), TreeRows<float>{rows, columns});
  REQUIRE(std::ssize(found) == columns);
  std::vector<bool> seen(static_cast<std::size_t>(columns));
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto c = static_cast<std::size_t>(found[i].column);
    CHECK_FALSE(seen[c]);
    seen[c] = true;
    double mean = 0;
    for (const Explanation& of : all) mean += std::abs(of.contributions[c]) / 4;
    CHECK(found[i].mean_contribution == Approx(mean).margin(1e-12));
    if (i > 0) CHECK(found[i].mean_contribution <= found[i - 1].mean_contribution);
    CHECK(found[i].gain >= 0);
  }
  CHECK(found[0].mean_contribution > 0);
}
