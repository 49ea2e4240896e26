// SPDX-License-Identifier: Apache-2.0
#include "seqrec/hybrid/hybrid_columns.hpp"

#include <memory>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/hybrids.hpp"

using namespace seqrec;
using namespace seqrec_test;

TEST_CASE("a hybrid's columns are the model's, then the explicit ones") {
  const ExplicitFeatures features(hybrid_split());
  const HybridColumns<HybridDin> columns(random_din(), features);
  CHECK(columns.num_deep() == 2);
  CHECK(columns.schema().size() == 2 + features.schema().size());
  CHECK(columns.names()[1] == "deep_product");
  CHECK(columns.names()[2] == features.schema()[0].name);
  for (const index_t c : columns.categorical()) CHECK(columns.schema()[c].is_category());
  const HybridColumns<NoDeepModel> alone(std::make_shared<const NoDeepModel>(), features);
  CHECK(alone.num_deep() == 0);
  CHECK(alone.schema().hash() == features.schema().hash());
  CHECK(columns.schema().hash() != alone.schema().hash());
}

TEST_CASE("a row holds what model and features say apart") {
  const Split& split = hybrid_split();
  const ExplicitFeatures features(split);
  const auto model = random_din();
  const HybridColumns<HybridDin> columns(model, features);
  HybridColumns<HybridDin>::Worker worker(columns);
  HybridContext context;
  const std::vector<item_t> candidates = {4, 0, 4, 49};
  const FeatureMoment moment = moment_of(split.test, 3);
  const std::span<const float> rows = worker.rows(context, moment, -1, candidates);
  const auto width = static_cast<std::size_t>(columns.schema().size());
  REQUIRE(rows.size() == 4 * width);

  std::vector<float> deep(8), of_features(4 * (width - 2));
  DeepScorer<HybridDin> scorer(*model);
  scorer(context, {moment.history, candidates}, deep, 2);
  FeatureWorkspace workspace(features);
  features.rows(moment, candidates, of_features, workspace);
  const auto equal = [](float a, float b) { return a == b || (a != a && b != b); };
  for (std::size_t c = 0; c < 4; ++c)
    for (std::size_t column = 0; column < width; ++column) {
      INFO("candidate " << c << ", " << columns.names()[column]);
      const float expected = column < 2 ? deep[2 * c + column] : of_features[c * (width - 2) + column - 2];
      CHECK(equal(rows[c * width + column], expected));
    }
}

TEST_CASE("a model and features of other items do not go together") {
  const ExplicitFeatures features(hybrid_split());
  CHECK_THROWS_AS(HybridColumns<HybridDin>(nullptr, features), ArgumentError);
  DinOptions options = random_din()->options();
  options.items = 49;
  CHECK_THROWS_WITH(HybridColumns<HybridDin>(std::make_shared<const HybridDin>(options), features),
                    ContainsSubstring("hybrid items of the model is 49, expected 50 as in the explicit features"));
  const auto renamed = random_din();
  std::vector<std::string> ids;
  for (index_t item = 0; item < 50; ++item)
    ids.push_back(item == 7 ? "another" : std::string(hybrid_data()->item_ids[item]));
  renamed->set_vocabulary(Vocabulary(ids));
  CHECK_THROWS_WITH(HybridColumns<HybridDin>(renamed, features), ContainsSubstring("hybrid: item 7 is "));
}
