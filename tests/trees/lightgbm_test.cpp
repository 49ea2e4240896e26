// SPDX-License-Identifier: Apache-2.0
#include "seqrec/trees/lightgbm.hpp"

#include <vector>

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;

TEST_CASE("trees from rows to a file and back, as the header shows") {
  // In each group of four the row with the largest value is the one that was taken.
  std::vector<double> values;
  std::vector<float> labels;
  const std::vector<index_t> groups(50, 4);
  for (int g = 0; g < 50; ++g)
    for (int i = 0; i < 4; ++i) {
      values.push_back((i + g) % 4);
      labels.push_back((i + g) % 4 == 3 ? 1.0f : 0.0f);
    }
  BoosterOptions options;
  options.min_rows = 5;
  options.column_share = 1;
  options.rounds = 20;
  const TreeRows<double> rows{values, 1};
  const TreeData training({{"size"}}, rows, {labels, groups}, options);
  const TreeData validation(training, rows, {labels, groups}, options);
  const TrainedBooster trained = train_booster(training, &validation, options);
  CHECK(trained.validation.front() == 1);  // NDCG
  const seqrec_test::TemporaryDirectory folder;
  trained.booster.save(folder / "booster.txt");
  const std::vector<double> scores = Booster::load(folder / "booster.txt").scores(TreeRows<double>{rows.row(0), 1});
  const std::vector<double> three = {3};
  CHECK(trained.booster.scores(TreeRows<double>{three, 1})[0] > scores[0]);
}
