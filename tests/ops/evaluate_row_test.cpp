// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/evaluate_row.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Loss and slopes of scores, which lie `stride` apart among others.
template <class RowLoss>
std::vector<double> loss_and_slopes(const RowLoss& loss, const std::vector<double>& scores, std::size_t stride = 1) {
  std::vector<double> memory(scores.size() * stride, 77.0), result;
  for (std::size_t j = 0; j < scores.size(); ++j) memory[j * stride] = scores[j];
  const RowOfScores<double> row{memory.data(), static_cast<index_t>(stride)};
  result.push_back(evaluate_row<double>(loss, row, static_cast<index_t>(scores.size()))[0]);
  for (std::size_t j = 0; j < scores.size(); ++j) result.push_back(memory[j * stride]);
  for (std::size_t i = 0; i < memory.size(); ++i)
    if (i % stride != 0) CHECK(memory[i] == 77.0);
  return result;
}

template <class Check>
void for_each_loss(Check check) {
  check(BinaryCrossEntropy{.target_weight = 0.5});
  check(Bpr{});
  check(SampledSoftmax{.temperature = 0.5});
}

}  // namespace

TEST_CASE("evaluate_row: scores may lie apart", "[ops]") {
  for_each_loss([](const auto& loss) {
    const std::vector<double> scores = {0.3, -1.2, 2.0, 0.1};
    CHECK(loss_and_slopes(loss, scores, 3) == loss_and_slopes(loss, scores));
  });
}

TEST_CASE("evaluate_row: a negative's score of minus infinity is as if it were not there", "[ops]") {
  for_each_loss([](const auto& loss) {
    const auto without = loss_and_slopes(loss, {0.3, -1.2, 2.0});
    auto with = loss_and_slopes(loss, {0.3, -infinity, -1.2, 2.0, -infinity});
    CHECK(with[2] == 0);
    CHECK(with[5] == 0);
    with.erase(with.begin() + 5);
    with.erase(with.begin() + 2);
    CHECK(with == without);
    // nobody left against the target
    CHECK(loss_and_slopes(loss, {0.3, -infinity}) ==
          std::vector<double>{loss_and_slopes(loss, {0.3})[0], loss_and_slopes(loss, {0.3})[1], 0});
  });
}

TEST_CASE("evaluate_row: what is not a number is seen in the loss", "[ops]") {
  for_each_loss([](const auto& loss) {
    for (const std::size_t place : {0u, 2u}) {
      std::vector<double> scores = {0.3, -1.2, 2.0, 0.1};
      scores[place] = std::nan("");
      CHECK(std::isnan(loss_and_slopes(loss, scores)[0]));
    }
  });
}
