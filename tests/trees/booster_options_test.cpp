// SPDX-License-Identifier: Apache-2.0
#include "seqrec/trees/booster_options.hpp"

#include <string>

#include "support/catch.hpp"

using namespace seqrec;
using namespace seqrec_test;

TEST_CASE("options of trees become LightGBM's parameters") {
  BoosterOptions options;
  CHECK(detail::booster_parameters(options) ==
        "objective=lambdarank metric=ndcg eval_at=10 learning_rate=0.05 num_leaves=31 min_data_in_leaf=200 "
        "feature_fraction=0.5 bagging_fraction=0.8 bagging_freq=1 lambda_l2=10 max_bin=255 seed=1 num_threads=1 "
        "deterministic=true force_col_wise=true feature_pre_filter=false verbosity=1");
  options.objective = TreeObjective::binary;
  options.metric = TreeMetric::log_loss;
  options.seed = 7;
  const std::string text = detail::booster_parameters(options);
  CHECK_THAT(text, ContainsSubstring("objective=binary metric=binary_logloss "));
  CHECK_THAT(text, ContainsSubstring(" seed=7 "));
  options.metric = TreeMetric::auc;
  CHECK_THAT(detail::booster_parameters(options), ContainsSubstring("metric=auc "));
}

TEST_CASE("options of trees out of range are named") {
  BoosterOptions options;
  options.rate = 0;
  CHECK_THAT(message_of<ArgumentError>([&] { detail::booster_parameters(options); }),
             ContainsSubstring("booster rate is 0, expected a number in (0, 1]"));
  options = {};
  options.leaves = 1;
  CHECK_THAT(message_of<ArgumentError>([&] { detail::booster_parameters(options); }),
             ContainsSubstring("booster leaves is 1, expected 2 .. 131072"));
}

TEST_CASE("threads do not decide what trees are") {
  BoosterOptions one, two;
  two.threads = 2;
  const auto texts = [](const BoosterOptions& options) {
    std::string all;
    for (const OptionValue& value : option_values(options)) all += value.name + "=" + value.text + " ";
    return all;
  };
  CHECK(texts(one) == texts(two));
  CHECK_THAT(texts(one), ContainsSubstring("patience=80"));
}
