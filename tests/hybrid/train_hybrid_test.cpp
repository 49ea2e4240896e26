// SPDX-License-Identifier: Apache-2.0
#include "seqrec/hybrid/train_hybrid.hpp"

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "seqrec/evaluate/evaluate_events.hpp"
#include "support/catch.hpp"
#include "support/hybrids.hpp"

using namespace seqrec;
using namespace seqrec_test;

TEST_CASE("the model is trained on the fold for the trees, then on everything") {
  const Split& split = hybrid_split();
  const HybridOptions options = small_hybrid();
  std::vector<std::vector<index_t>> trained_on;
  std::shared_ptr<const HybridDin> last;
  const auto fit = [&](const Split& part) {
    trained_on.push_back(part.train_lengths);
    return last = random_din(true, trained_on.size());
  };
  const auto trained = train_hybrid(split, options, fit);
  const Fold fold = make_fold(split, options);
  REQUIRE(trained_on.size() == 2);
  CHECK(trained_on[0] == fold.model.train_lengths);
  CHECK(trained_on[1] == split.train_lengths);
  CHECK(&trained.ranker.model() == last.get());
  CHECK(trained.events == fold.model.test.size());
  CHECK(trained.rows == 9 * trained.events);
  CHECK(std::ssize(trained.ranker.booster().trees()) == trained.trees);
  // The features that stay count everything before validation.
  CHECK(trained.ranker.features().hash() == ExplicitFeatures(split).hash());
  CHECK(ExplicitFeatures(fold.counts).hash() != ExplicitFeatures(split).hash());
}

TEST_CASE("without a refit the fold's model and features stay") {
  const Split& split = hybrid_split();
  HybridOptions options = small_hybrid();
  const std::string trees = din_hybrid(options).ranker.booster().text();
  options.refit = false;
  int fits = 0;
  std::shared_ptr<const HybridDin> model = random_din();
  const auto trained = train_hybrid(split, options, [&](const Split&) { return ++fits, model; });
  CHECK(fits == 1);
  CHECK(&trained.ranker.model() == model.get());
  CHECK(trained.ranker.features().hash() == ExplicitFeatures(make_fold(split, options).counts).hash());
  CHECK(trained.ranker.booster().text() == trees);
}

TEST_CASE("trees may be shown the model's interest") {
  HybridOptions options = small_hybrid();
  options.interest = true;
  const auto trained = din_hybrid(options);
  const index_t width = trained.ranker.model().options().width;
  CHECK(trained.ranker.columns().num_deep() == 2 + width);
  CHECK(trained.ranker.booster().text().find("deep_interest_0") != std::string::npos);
  CHECK(explicit_hybrid(options).ranker.columns().num_deep() == 0);
}

TEST_CASE("trees meet rows of the fold: its model, its counts") {
  const Split& split = hybrid_split();
  HybridOptions options = small_hybrid();
  const auto expect_text = [&](const HybridColumns<HybridDin>& columns) {
    const Fold fold = make_fold(split, options);
    const auto rows_of = [&](const HeldOut& events) {
      return event_rows(columns, events, draw_event_lists(events, split, options.negatives, options.seed), 1);
    };
    const EventRows rows = rows_of(fold.model.test), validation = rows_of(split.validation);
    const TreeData data({columns.names(), columns.categorical()}, rows.rows(), rows.targets(), options.booster);
    const TreeData held_out(data, validation.rows(), validation.targets(), options.booster);
    return train_booster(data, &held_out, options.booster).booster.text();
  };
  const auto model = random_din();
  const Fold fold = make_fold(split, options);
  CHECK(din_hybrid(options).ranker.booster().text() ==
        expect_text({model, ExplicitFeatures(fold.counts, options.features)}));
  options.out_of_fold = false;
  CHECK(din_hybrid(options).ranker.booster().text() == expect_text({model, ExplicitFeatures(split, options.features)}));
}

TEST_CASE("a hybrid is the same on any number of threads, and another with another seed") {
  HybridOptions options = small_hybrid();
  const std::string once = din_hybrid(options).ranker.booster().text();
  options.threads = 1;
  options.booster.threads = 2;
  CHECK(din_hybrid(options).ranker.booster().text() == once);
  options.seed = 2;
  CHECK(din_hybrid(options).ranker.booster().text() != once);
}

TEST_CASE("explicit features and other models make hybrids too, with frozen lists and either objective") {
  const Split& split = hybrid_split();
  HybridOptions options = small_hybrid();
  options.booster.objective = GENERATE(TreeObjective::lambdarank, TreeObjective::binary);
  const CandidateLists lists = draw_candidates(split.validation, {.negatives = 20}),
                       test_lists = draw_candidates(split.test, {.negatives = 20});
  EvaluateOptions test;
  test.candidates = &test_lists;
  const auto alone = train_hybrid(
      split, options, [](const Split&) { return std::make_shared<const NoDeepModel>(); }, &lists);
  CHECK(evaluate(alone.ranker, split.test, test).ranking["auc"] > 0.6);
  const auto sasrec = train_hybrid(
      split, options, [](const Split&) { return std::shared_ptr<const HybridSasRec>(random_sasrec()); }, &lists);
  CHECK(sasrec.ranker.columns().num_deep() == 1);
  CHECK(evaluate(sasrec.ranker, split.test, test).ranking["auc"] > 0.6);
}

TEST_CASE("a model that says NaN makes no hybrid") {
  const auto fit = [](const Split&) {
    const auto model = random_din();
    auto values = model->parameters().to_host();
    for (auto& value : values) value = std::numeric_limits<float>::quiet_NaN();
    model->parameters().copy_from_host(values);
    return std::shared_ptr<const HybridDin>(model);
  };
  CHECK_THROWS_AS(train_hybrid(hybrid_split(), small_hybrid(), fit), NonFiniteError);
}

TEST_CASE("rows too few for one split are refused by the trees") {
  HybridOptions options = small_hybrid();
  options.booster.min_rows = 100000;
  CHECK_THROWS_AS(din_hybrid(options), TreeError);
}

TEST_CASE("trees never ask about columns that they were not shown") {
  HybridOptions options = small_hybrid();
  options.without = "time,deep_score";
  const HybridRanker<HybridDin> ranker = din_hybrid(options).ranker;
  const FeatureSchema& schema = ranker.columns().schema();
  index_t hidden = 0, asked = 0;
  for (const TreeNodes& tree : ranker.booster().trees())
    for (const index_t column : tree.column) {
      ++asked;
      CHECK(schema[column].group != FeatureGroup::time);
      CHECK(schema[column].name != "deep_score");
    }
  for (index_t c = 0; c < schema.size(); ++c) hidden += schema[c].group == FeatureGroup::time;
  CHECK(asked > 0);
  CHECK(hidden > 0);
  options.without = "time,tim";
  CHECK_THROWS_WITH(din_hybrid(options),
                    ContainsSubstring("hybrid without is 'tim', expected a column, or one of deep"));
}
