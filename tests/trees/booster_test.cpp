// SPDX-License-Identifier: Apache-2.0
#include "seqrec/trees/booster.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"
#include "support/trees.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

using nlohmann::json;

/// Whether LightGBM's dump sends a row to the left at a node.
bool goes_left(const json& node, std::span<const double> row) {
  double value = row[node.at("split_feature").get<std::size_t>()];
  if (node.at("decision_type") == "==") {
    const std::string categories = "||" + node.at("threshold").get<std::string>() + "||";
    return !std::isnan(value) && categories.find("||" + std::to_string(std::lround(value)) + "||") != std::string::npos;
  }
  const std::string missing = node.at("missing_type");
  if (std::isnan(value) && missing != "NaN") value = 0;
  if (std::isnan(value) || (missing == "Zero" && value == 0)) return node.at("default_left");
  return value <= node.at("threshold").get<double>();
}

double count_of(const json& node) {
  return node.contains("leaf_value") ? node.at("leaf_count") : node.at("internal_count");
}

/// What a tree says of a row of which only the columns in `known` are known: elsewhere both children, by their rows in
/// training.
double expectation(const json& node, std::span<const double> row, unsigned known) {
  if (node.contains("leaf_value")) return node.at("leaf_value");
  const json &left = node.at("left_child"), &right = node.at("right_child");
  if ((known >> node.at("split_feature").get<unsigned>() & 1) != 0)
    return expectation(goes_left(node, row) ? left : right, row, known);
  const double l = count_of(left), r = count_of(right);
  return (l * expectation(left, row, known) + r * expectation(right, row, known)) / (l + r);
}

/// Shapley's values by their definition: over all subsets of the other columns.
std::vector<double> shapley(const json& model, std::span<const double> row) {
  const auto columns = static_cast<unsigned>(row.size());
  std::vector<double> worth(std::size_t{1} << columns);
  for (unsigned known = 0; known < worth.size(); ++known)
    for (const json& tree : model.at("tree_info")) worth[known] += expectation(tree.at("tree_structure"), row, known);
  const auto factorial = [](unsigned n) { return std::tgamma(n + 1.0); };
  std::vector<double> values;
  for (unsigned column = 0; column < columns; ++column) {
    double sum = 0;
    for (unsigned known = 0; known < worth.size(); ++known) {
      if ((known >> column & 1) != 0) continue;
      unsigned size = 0;
      for (unsigned bits = known; bits != 0; bits >>= 1) size += bits & 1;
      sum += factorial(size) * factorial(columns - size - 1) / factorial(columns) *
             (worth[known | 1u << column] - worth[known]);
    }
    values.push_back(sum);
  }
  values.push_back(worth[0]);
  return values;
}

}  // namespace

TEST_CASE("contributions are the Shapley values of the trees, and add up to the raw score") {
  const auto objective = GENERATE(TreeObjective::lambdarank, TreeObjective::binary);
  const Booster booster = toy_booster(objective);
  const json model = json::parse(booster.json());
  const TreeToy toy(6, 9);
  const std::vector<double> scores = booster.scores(toy.rows()), all = booster.contributions(toy.rows());
  REQUIRE(all.size() == 60 * 5);
  double strongest = 0;
  for (std::size_t r = 0; r < 60; ++r) {
    const std::span<const double> found = std::span(all).subspan(r * 5, 5);
    const std::vector<double> expected = shapley(model, toy.row(static_cast<index_t>(r)));
    double sum = 0;
    for (std::size_t c = 0; c < 5; ++c) {
      INFO("row " << r << ", column " << c);
      CHECK(std::abs(found[c] - expected[c]) < 1e-9);
      sum += found[c];
      if (c < 4) strongest = std::max(strongest, std::abs(found[c]));
    }
    CHECK(std::abs(sum - scores[r]) < 1e-6);
  }
  CHECK(strongest > 0.1);
}

TEST_CASE("trees ask missing values and unknown categories too") {
  const Booster booster = toy_booster();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> rows = {0.5, nan, 3, 0.1, nan, nan, nan, nan, 0.5, 0.2, 1e6, 0.1};
  for (const double score : booster.scores(TreeRows<double>{rows, 4})) CHECK(std::isfinite(score));
}

TEST_CASE("probabilities of binary trees are the logistic function of their scores") {
  const Booster booster = toy_booster(TreeObjective::binary);
  const TreeToy toy(3, 4);
  const auto scores = booster.scores(toy.rows()), probabilities = booster.probabilities(toy.rows());
  for (std::size_t r = 0; r < scores.size(); ++r)
    CHECK(probabilities[r] == Approx(1 / (1 + std::exp(-scores[r]))).epsilon(1e-12));
  CHECK_THAT(message_of<TreeError>([&] { toy_booster().probabilities(toy.rows()); }),
             ContainsSubstring("expected the objective binary"));
}

TEST_CASE("leaves are where the trees' nodes lead, and their values the score") {
  const Booster booster = toy_booster();
  const TreeToy toy(4, 3);
  const auto scores = booster.scores(toy.rows());
  const std::vector<index_t> leaves = booster.leaves(toy.rows());
  const std::size_t trees = booster.trees().size();
  REQUIRE(leaves.size() == 40 * trees);
  for (std::size_t r = 0; r < 40; ++r) {
    double sum = 0;
    for (std::size_t t = 0; t < trees; ++t)
      sum += booster.trees()[t].leaf_value[static_cast<std::size_t>(leaves[r * trees + t])];
    CHECK(sum == Approx(scores[r]).margin(1e-12));
  }
}

TEST_CASE("gains say which columns the labels come from") {
  const std::vector<double> gains = toy_booster().gains();
  REQUIRE(gains.size() == 4);
  CHECK(gains[0] > 3 * gains[3]);
  CHECK(gains[2] > gains[3]);
}

TEST_CASE("any number of threads scores alike") {
  const Booster booster = toy_booster();
  const TreeToy toy(30, 5);
  CHECK(booster.scores(toy.rows(), 1) == booster.scores(toy.rows(), 2));
  CHECK(booster.contributions(toy.rows(), 1) == booster.contributions(toy.rows(), 2));
  CHECK(booster.scores(TreeRows<double>{{}, 4}).empty());
}

TEST_CASE("a saved booster comes back with the same bits") {
  const Booster booster = toy_booster(TreeObjective::binary);
  const TreeToy toy(5, 2);
  const TemporaryDirectory folder;
  booster.save(folder / "booster.txt");
  const Booster loaded = Booster::load(folder / "booster.txt");
  CHECK(loaded.text() == booster.text());
  CHECK(loaded.columns() == TreeToy::columns().names);
  CHECK(loaded.objective() == TreeObjective::binary);
  CHECK(loaded.scores(toy.rows()) == booster.scores(toy.rows()));
  CHECK(loaded.contributions(toy.rows()) == booster.contributions(toy.rows()));
  CHECK(loaded.gains() == booster.gains());
  CHECK(folder.entries() == 1);
  CHECK(Booster::from_text(booster.text()).text() == booster.text());
}

TEST_CASE("a booster's file that is missing, cut or changed is refused with its name") {
  const TemporaryDirectory folder;
  const auto path = folder / "booster.txt";
  CHECK_THAT(message_of<TreeError>([&] { Booster::load(path); }),
             ContainsSubstring(path.string() + ": cannot be read, expected a booster's text"));
  const std::string text = toy_booster().text();
  write_file(path, text.substr(0, text.size() / 2));
  CHECK_THAT(message_of<TreeError>([&] { Booster::load(path); }), ContainsSubstring(path.string() + ": "));
  std::string changed = text;
  changed[text.find("leaf_value=") + 11] ^= 1;
  write_file(path, changed);
  CHECK_THAT(message_of<TreeError>([&] { Booster::load(path); }), ContainsSubstring("it was changed or is not whole"));
  write_file(path, "");
  CHECK_THAT(message_of<TreeError>([&] { Booster::load(path); }), ContainsSubstring("it is not whole"));
}

TEST_CASE("rows of other columns than the trees' are refused") {
  const Booster booster = toy_booster();
  const TreeToy toy(1);
  CHECK_THAT(message_of<TreeError>([&] {
               booster.scores(TreeRows<double>{toy.values, 5});
             }),
             ContainsSubstring("rows have 5 columns, expected 4"));
  auto infinite = toy.values;
  infinite[4] = -std::numeric_limits<double>::infinity();
  CHECK_THAT(message_of<TreeError>([&] {
               booster.contributions(TreeRows<double>{infinite, 4});
             }),
             ContainsSubstring("a of row 1 is -inf"));
  CHECK_THROWS_AS(booster.scores(toy.rows(), 0), ArgumentError);

  const auto refused = [&](const std::vector<std::string>& names) {
    return message_of<TreeError>([&] { booster.check_columns(names, "the folder's features"); });
  };
  CHECK_NOTHROW(booster.check_columns(TreeToy::columns().names));
  CHECK_THAT(refused({"a", "b"}),
             ContainsSubstring("the folder's features have 2 columns, expected the 4 of the trees"));
  CHECK_THAT(refused({"a", "kind", "b", "noise"}),
             ContainsSubstring("column 1 of the folder's features is 'kind', expected 'b' as in the trees"));
}
