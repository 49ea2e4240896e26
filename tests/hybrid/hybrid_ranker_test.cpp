// SPDX-License-Identifier: Apache-2.0
#include "seqrec/hybrid/hybrid_ranker.hpp"

#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "seqrec/evaluate/evaluate_events.hpp"
#include "support/catch.hpp"
#include "support/hybrids.hpp"
#include "support/trees.hpp"

using namespace seqrec;
using namespace seqrec_test;

TEST_CASE("a request is scored as the event is in evaluation, on any number of threads") {
  const Split& split = hybrid_split();
  const HybridRanker<HybridDin> ranker = din_hybrid().ranker;
  const CandidateLists lists = draw_candidates(split.test, {.negatives = 10});
  EvaluateOptions options;
  options.candidates = &lists;
  options.team.threads = 1;
  const std::vector<double> all = candidate_scores(ranker, split.test, options);
  options.team.threads = 3;
  CHECK(candidate_scores(ranker, split.test, options) == all);
  HybridContext context;
  for (const index_t i : {0, 5, 40}) {
    std::vector<item_t> items{split.test.targets[static_cast<std::size_t>(i)]};
    items.insert(items.end(), lists.negatives(i).begin(), lists.negatives(i).end());
    const std::vector<double> alone = score(ranker, context, moment_of(split.test, i), items);
    CHECK(alone == std::vector<double>(all.begin() + 11 * i, all.begin() + 11 * (i + 1)));
  }
  CHECK(evaluate(ranker, split.test, options).ranking["auc"] > 0.5);
  CHECK(ranker.num_items() == 50);
  CHECK(ranker.names().items == split.data->item_ids);
}

TEST_CASE("contributions of a request's rows add up to its scores") {
  const HybridRanker<HybridDin> ranker = din_hybrid().ranker;
  HybridRanker<HybridDin>::Scorer scorer(ranker);
  HybridContext context;
  const FeatureMoment moment = moment_of(hybrid_split().test, 2);
  const std::vector<item_t> items = {1, 2, 3, 40};
  const std::vector<double> scores = scorer(context, moment, items);
  const index_t columns = ranker.columns().schema().size();
  const std::vector<double> all =
      ranker.booster().contributions(TreeRows<float>{scorer.rows(context, moment, items), columns});
  for (std::size_t c = 0; c < items.size(); ++c) {
    double sum = 0;
    for (index_t column = 0; column <= columns; ++column)
      sum += all[c * static_cast<std::size_t>(columns + 1) + static_cast<std::size_t>(column)];
    CHECK(std::abs(sum - scores[c]) < 1e-6);
  }
}

TEST_CASE("a user of whom only a history is known, or not even that, has scores") {
  const HybridRanker<HybridDin> ranker = din_hybrid().ranker;
  HybridContext context;
  const std::vector<item_t> history = {3, 4, 9}, items = {1, 2, 3};
  for (const std::span<const item_t> known : {std::span<const item_t>(history), std::span<const item_t>()})
    for (const double value : score(ranker, context, known, items)) CHECK(std::isfinite(value));
  CHECK(score(ranker, context, std::span<const item_t>(history), {}).empty());
  CHECK(score(ranker, context, std::span<const item_t>(history), items) !=
        score(ranker, context, std::span<const item_t>(), items));
}

TEST_CASE("what the features do not cover is refused") {
  const HybridRanker<HybridDin> ranker = din_hybrid().ranker;
  HybridContext context;
  const std::vector<item_t> history = {3}, items = {50};
  CHECK_THROWS_AS(score(ranker, context, std::span<const item_t>(history), items), Error);
  const HybridRanker<NoDeepModel> alone = explicit_hybrid().ranker;
  CHECK_THROWS_AS(score(alone, context, std::span<const item_t>(history), items), Error);
  CHECK_THROWS_AS(score(alone, context, std::span<const item_t>(items), history), Error);
}

TEST_CASE("a booster of other columns is refused") {
  const auto trained = din_hybrid();
  const HybridColumns<NoDeepModel> other(std::make_shared<const NoDeepModel>(), trained.ranker.features());
  CHECK_THROWS_WITH(HybridRanker<NoDeepModel>(other, trained.ranker.booster()),
                    ContainsSubstring("the hybrid's rows have ") && ContainsSubstring("of the trees"));
  CHECK_THROWS_AS(HybridRanker<HybridDin>(trained.ranker.columns(), toy_booster()), TreeError);
}
