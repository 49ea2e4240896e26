// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/trees/booster.hpp"
#include "seqrec/trees/tree_error.hpp"
#include "seqrec/trees/tree_nodes.hpp"

namespace seqrec {

/// One question that a tree asked a row.
struct TreeStep {
  index_t column = 0;
  double value = 0;      ///< the row's; NaN where it is missing
  double threshold = 0;  ///< up to it a value goes left; without meaning for a category
  bool is_categorical = false;
  bool went_left = false;
  double before = 0,
         after = 0;  ///< what the tree says on average of rows that get here, and of those that went on alike
};

/// How a row came through a tree.
struct DecisionPath {
  index_t tree = 0;
  index_t leaf = 0;
  double expected = 0;  ///< what the tree says on average
  double output = 0;    ///< what it says of this row: its part of the raw score
  std::vector<TreeStep> steps{};
};

/// @param row (columns)   @throws TreeError for another number of columns, ArgumentError for no such tree
template <class Real>
DecisionPath decision_path(const Booster& booster, index_t tree, std::span<const Real> row) {
  check_argument(tree >= 0 && tree < std::ssize(booster.trees()), "decision_path tree", tree, "one of the booster's");
  if (row.size() != booster.columns().size())
    throw TreeError(concatenate("a row has ", row.size(), " columns, expected ", booster.columns().size()));
  const TreeNodes& nodes = booster.trees()[static_cast<std::size_t>(tree)];
  const std::vector<double> expected = nodes.expected_values();
  const int root = nodes.column.empty() ? ~0 : 0;
  DecisionPath path{.tree = tree, .expected = nodes.value_of(root, expected)};
  int child = root;
  while (child >= 0) {
    const auto node = static_cast<std::size_t>(child);
    const auto value = static_cast<double>(row[static_cast<std::size_t>(nodes.column[node])]);
    const bool left = nodes.goes_left(node, value);
    child = left ? nodes.left[node] : nodes.right[node];
    path.steps.push_back({nodes.column[node], value, nodes.threshold[node], nodes.is_categorical(node), left,
                          expected[node], nodes.value_of(child, expected)});
  }
  path.leaf = ~child;
  path.output = nodes.value_of(child, expected);
  return path;
}

/// The paths of a row through the trees that say most about it: whose output is farthest from what they say on average.
/// The strongest first, equal ones in the order of trees.
/// @param count  at most so many   @throws TreeError for another number of columns
template <class Real>
std::vector<DecisionPath> strongest_paths(const Booster& booster, std::span<const Real> row, index_t count) {
  std::vector<DecisionPath> paths;
  for (index_t tree = 0; tree < std::ssize(booster.trees()); ++tree) paths.push_back(decision_path(booster, tree, row));
  const auto strength = [](const DecisionPath& path) { return std::abs(path.output - path.expected); };
  std::stable_sort(paths.begin(), paths.end(),
                   [&](const DecisionPath& a, const DecisionPath& b) { return strength(a) > strength(b); });
  paths.resize(static_cast<std::size_t>(std::clamp<index_t>(count, 0, std::ssize(paths))));
  return paths;
}

}  // namespace seqrec
