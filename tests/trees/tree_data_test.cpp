// SPDX-License-Identifier: Apache-2.0
#include "seqrec/trees/tree_data.hpp"

#include <limits>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/trees.hpp"

using namespace seqrec;
using namespace seqrec_test;

TEST_CASE("data for trees keeps what it was made of apart from the rows") {
  const auto options = toy_trees();
  const TreeToy toy(8), other(3, 2);
  const TreeData training(TreeToy::columns(), toy.rows(), toy.targets(), options);
  const TreeData validation(training, other.rows(), other.targets(), options);
  CHECK(training.rows() == 80);
  CHECK(training.groups() == 8);
  CHECK(validation.rows() == 30);
  CHECK(validation.columns().names == TreeToy::columns().names);
  int rows = 0;
  REQUIRE(LGBM_DatasetGetNumData(validation.handle(), &rows) == 0);
  CHECK(rows == 30);
}

TEST_CASE("float and double rows of the same values make the same trees") {
  const auto options = toy_trees();
  TreeToy toy(40);
  std::vector<float> values(toy.values.begin(), toy.values.end());
  toy.values.assign(values.begin(), values.end());
  const TreeData wide(TreeToy::columns(), toy.rows(), toy.targets(), options);
  const TreeData narrow(TreeToy::columns(), TreeRows<float>{values, 4}, toy.targets(), options);
  CHECK(train_booster(wide, nullptr, options).booster.text() == train_booster(narrow, nullptr, options).booster.text());
}

TEST_CASE("a weight counts as often as the row would") {
  auto options = toy_trees(TreeObjective::binary);
  options.metric = TreeMetric::log_loss;
  options.row_share = 1;
  options.min_rows = 1;
  options.rounds = 1;
  // One column, one split: leaves are means of labels, pulled towards the weighted ones.
  const std::vector<double> values = {0, 0, 0, 1, 1, 1};
  const std::vector<float> labels = {0, 0, 1, 1, 1, 0}, weights = {1, 1, 6, 1, 1, 6};
  const TreeData plain({{"x"}}, TreeRows<double>{values, 1}, {labels}, options);
  const TreeData weighted({{"x"}}, TreeRows<double>{values, 1}, {labels, {}, weights}, options);
  const auto difference = [&](const TreeData& data) {
    const std::vector<double> rows = {0, 1};
    const auto scores = train_booster(data, nullptr, options).booster.scores(TreeRows<double>{rows, 1});
    return scores[1] - scores[0];
  };
  CHECK(difference(plain) > 0);
  CHECK(difference(weighted) < 0);
}

TEST_CASE("data for trees is refused with its name") {
  const TreeToy toy(4);
  auto options = toy_trees();
  const auto refused = [&](const TreeColumns& columns, const TreeRows<double>& rows, const TreeLabels& labels) {
    return message_of<TreeError>([&] { TreeData(columns, rows, labels, options); });
  };
  CHECK_THAT(refused({{"a", "b", "c"}}, toy.rows(), toy.targets()), ContainsSubstring("4 columns, expected 3"));
  CHECK_THAT(refused(TreeToy::columns(), {{}, 4}, {}), ContainsSubstring("have no groups"));
  CHECK_THAT(refused(TreeToy::columns(), {{}, 4}, {{}, std::vector<index_t>{1}}),
             ContainsSubstring("training rows are none"));
  CHECK_THAT(refused(TreeToy::columns(), toy.rows(), {toy.labels}), ContainsSubstring("lambdarank compares the rows"));
  auto infinite = toy.values;
  infinite[5] = std::numeric_limits<double>::infinity();
  CHECK_THAT(refused(TreeToy::columns(), {infinite, 4}, toy.targets()), ContainsSubstring("b of row 1 is inf"));
  const std::vector<float> graded(40, 3);
  CHECK_THAT(refused(TreeToy::columns(), toy.rows(), {graded, toy.groups}), ContainsSubstring("are the same"));

  options = toy_trees(TreeObjective::binary);
  CHECK_THAT(refused(TreeToy::columns(), toy.rows(), {toy.labels}), ContainsSubstring("ndcg compares the rows"));
  options.metric = TreeMetric::log_loss;
  const TreeData training(TreeToy::columns(), toy.rows(), {toy.labels}, options);
  CHECK_THAT(message_of<TreeError>([&] {
               TreeData(training, TreeRows<double>{std::span(toy.values).first(6), 3}, {toy.labels}, options);
             }),
             ContainsSubstring("validation rows have 3 columns, expected 4"));
}
