// SPDX-License-Identifier: Apache-2.0
// A program of a stranger's that trains trees: headers found, LightGBM linked and found again when it runs.
#include <iostream>
#include <seqrec/trees/lightgbm.hpp>
#include <vector>

int main() {
  std::vector<double> values;
  std::vector<float> labels;
  for (int row = 0; row < 100; ++row) {
    values.push_back(row);
    labels.push_back(row < 50 ? 0.0f : 1.0f);
  }
  seqrec::BoosterOptions options;
  options.objective = seqrec::TreeObjective::binary;
  options.metric = seqrec::TreeMetric::log_loss;
  options.min_rows = 5;
  options.column_share = 1;
  options.rounds = 3;
  const seqrec::TreeRows<double> rows{values, 1};
  const seqrec::TreeData data({{"row"}}, rows, {labels}, options);
  const std::vector<double> scores = seqrec::train_booster(data, nullptr, options).booster.scores(rows);
  std::cout << scores.front() << " < " << scores.back() << '\n';
  return scores.front() < scores.back() ? 0 : 1;
}
