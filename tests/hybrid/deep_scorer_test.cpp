// SPDX-License-Identifier: Apache-2.0
#include "seqrec/hybrid/deep_scorer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "seqrec/serve/score.hpp"
#include "support/catch.hpp"
#include "support/hybrids.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

/// 300 candidates, more than go together, and room for another column.
template <class Model>
std::vector<float> rows_of(const Model& model, std::span<const item_t> history, std::span<const item_t> candidates,
                           index_t stride, bool interest = false) {
  typename Model::Context context;
  DeepScorer<Model> scorer(model, {}, interest);
  std::vector<float> rows(candidates.size() * static_cast<std::size_t>(stride), -1);
  scorer(context, {history, candidates}, rows, stride);
  const std::vector<float> once = rows;
  scorer(context, {history, candidates}, rows, stride);  // buffers that were used before change nothing
  CHECK(std::equal(rows.begin(), rows.end(), once.begin(),
                   [](float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }));
  return rows;
}

std::vector<item_t> many_candidates() {
  std::vector<item_t> candidates(300);
  for (std::size_t i = 0; i < candidates.size(); ++i) candidates[i] = static_cast<item_t>(i * 7 % 50);
  return candidates;
}

const std::vector<item_t> history = {3, 8, 1, 20, 44, 9, 2, 30, 31, 7};

}  // namespace

TEST_CASE("a model's column holds the scores that serving gives, to the last bit") {
  const auto candidates = many_candidates();
  HybridContext context;
  const auto din = random_din();
  const auto expected = score(*din, context, history, candidates);
  const auto rows = rows_of(*din, history, candidates, 3);
  for (std::size_t c = 0; c < candidates.size(); ++c) {
    CHECK(rows[3 * c] == expected[c]);
    CHECK(rows[3 * c + 1] != rows[3 * c]);
    CHECK(rows[3 * c + 2] == -1);
  }
  const auto sasrec = random_sasrec();
  const auto of_sasrec = score(*sasrec, context, history, candidates);
  const auto one_column = rows_of(*sasrec, history, candidates, 1);
  CHECK(one_column == of_sasrec);
}

TEST_CASE("columns are what the model shows") {
  const auto names = [](const std::vector<FeatureColumn>& columns) {
    std::string all;
    for (const FeatureColumn& column : columns) {
      CHECK(column.group == FeatureGroup::deep);
      all += column.name + " ";
    }
    return all;
  };
  CHECK(names(deep_columns(*random_din())) == "deep_score deep_product ");
  CHECK(names(deep_columns(*random_din(false))) == "deep_score ");
  CHECK(names(deep_columns(*random_sasrec())) == "deep_score ");
  CHECK(names(deep_columns(NoDeepModel{})).empty());
  const auto rows = rows_of(*random_din(false), history, many_candidates(), 2);
  CHECK(rows[1] == -1);
}

TEST_CASE("a product is DIN's score without the rest") {
  const auto candidates = many_candidates();
  const auto with = random_din();
  const auto without = random_din(false);
  without->parameters().copy_from_host(with->parameters().to_host());
  const auto rows = rows_of(*with, history, candidates, 2), rest = rows_of(*without, history, candidates, 1);
  for (std::size_t c = 0; c < candidates.size(); ++c)
    CHECK(rows[2 * c + 1] == Approx(rows[2 * c] - rest[c]).margin(1e-4));
}

TEST_CASE("DIN's interest is what its product is made of") {
  const auto candidates = many_candidates();
  for (const bool dot_product : {true, false}) {
    const auto model = random_din(dot_product);
    const index_t width = model->options().width, first = dot_product ? 2 : 1, stride = first + width + 1;
    const auto columns = deep_columns(*model, true);
    REQUIRE(std::ssize(columns) == first + width);
    CHECK(columns.back().name == concatenate("deep_interest_", width - 1));
    CHECK(columns.back().group == FeatureGroup::deep);
    const auto rows = rows_of(*model, history, candidates, stride, true);
    const auto plain = rows_of(*model, history, candidates, first);
    std::vector<float> table;  // of items' vectors
    for (const ParameterEntry& entry : model->parameters().entries())
      if (entry.name.find("item_embedding") == 0) {
        const auto all = model->parameters().to_host();
        table.assign(all.begin() + entry.offset, all.begin() + entry.offset + 50 * width);
      }
    for (std::size_t c = 0; c < candidates.size(); ++c) {
      const float* const row = &rows[c * static_cast<std::size_t>(stride)];
      CHECK(std::equal(row, row + first, &plain[c * static_cast<std::size_t>(first)]));
      CHECK(row[stride - 1] == -1);
      double product = 0;
      for (index_t i = 0; i < width; ++i)
        product += static_cast<double>(row[first + i]) *
                   static_cast<double>(table[static_cast<std::size_t>(candidates[c] * width + i)]);
      if (dot_product) CHECK(static_cast<double>(row[1]) == Approx(product).margin(1e-4));
    }
  }
  CHECK_THAT(message_of<ArgumentError>([] { deep_columns(*random_sasrec(), true); }),
             ContainsSubstring("hybrid interest is true, expected a model that shows its interest, such as Din"));
  CHECK_THROWS_AS(deep_columns(NoDeepModel{}, true), ArgumentError);
}

TEST_CASE("after an empty history the model's columns are missing") {
  const std::vector<item_t> candidates = {1, 2};
  for (const float value : rows_of(*random_din(), {}, candidates, 2)) CHECK(std::isnan(value));
  CHECK(std::isnan(rows_of(*random_sasrec(), {}, candidates, 1)[1]));
  CHECK(rows_of(*random_din(), history, {}, 2).empty());
}

TEST_CASE("a model's score that is no finite number is an error") {
  const auto model = random_din();
  auto values = model->parameters().to_host();
  for (const ParameterEntry& entry : model->parameters().entries())
    if (entry.name.find("item_bias") == 0)
      values[static_cast<std::size_t>(entry.offset) + 7] =
          GENERATE(std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity());
  model->parameters().copy_from_host(values);
  CHECK_THAT(message_of<NonFiniteError>([&] {
               rows_of(*model, history, std::vector<item_t>{1, 7}, 2);
             }),
             ContainsSubstring("hybrid: the score of Din for candidate 1 is "));
}

TEST_CASE("items that the model does not have are refused") {
  CHECK_THROWS_AS(rows_of(*random_din(), history, std::vector<item_t>{50}, 2), DataError);
}
