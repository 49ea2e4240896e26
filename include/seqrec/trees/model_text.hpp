// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/hash.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/core/utf8.hpp"
#include "seqrec/trees/booster_options.hpp"
#include "seqrec/trees/tree_error.hpp"
#include "seqrec/trees/tree_nodes.hpp"

namespace seqrec {

/// What LightGBM's text of a model says.
struct ModelText {
  TreeObjective objective = TreeObjective::lambdarank;
  std::vector<std::string> columns;
  std::vector<TreeNodes> trees;
};

namespace detail {

/// Reads the text with suspicion: LightGBM believes what a file says of lengths and children, and reads where they
/// point.
class ModelTextReader {
 public:
  ModelTextReader(std::string_view text, std::string source) : text_(text), source_(std::move(source)) {}

  ModelText read() {
    ModelText model;
    if (line() != "tree") fail("does not begin with the line \"tree\", expected a model of LightGBM");
    const auto header = fields();
    for (const char* const one : {"num_class", "num_tree_per_iteration"})
      if (numbers<index_t>(header, one, 1)[0] != 1) fail(concatenate(one, " is not 1, expected one score a row"));
    const std::string_view objective = field(header, "objective");
    const auto named = [&](std::string_view name) { return objective.substr(0, objective.find(' ')) == name; };
    if (!named("lambdarank") && !named("binary"))
      fail(concatenate("objective is ", quote_bytes(objective), ", expected lambdarank or binary"));
    model.objective = named("binary") ? TreeObjective::binary : TreeObjective::lambdarank;
    for (std::string_view names = field(header, "feature_names"); !names.empty();) {
      const std::size_t end = std::min(names.find(' '), names.size());
      model.columns.emplace_back(names.substr(0, end));
      names.remove_prefix(std::min(end + 1, names.size()));
    }
    const index_t columns = std::ssize(model.columns);
    if (columns == 0 || numbers<index_t>(header, "max_feature_idx", 1)[0] != columns - 1)
      fail("max_feature_idx does not fit feature_names");
    for (const std::size_t size : numbers<std::size_t>(header, "tree_sizes")) {
      const std::string_view before = text_;
      tree_ = concatenate("Tree=", model.trees.size(), " ");
      if (line() + ' ' != tree_) fail("does not begin where tree_sizes says");
      model.trees.push_back(read_tree(columns));
      while (text_.starts_with('\n')) text_.remove_prefix(1);
      if (before.size() - text_.size() != size) fail("is not as long as tree_sizes says");
    }
    tree_.clear();
    if (line() != "end of trees") fail("ends before the line \"end of trees\": it is not whole");
    return model;
  }

 private:
  using Fields = std::map<std::string_view, std::string_view>;

  std::string line() {
    const std::size_t end = text_.find('\n');
    if (end == text_.npos) fail("ends in the middle: it is not whole");
    std::string found(text_.substr(0, end));
    text_.remove_prefix(end + 1);
    return found;
  }

  /// The lines key=value up to an empty one.
  Fields fields() {
    Fields found;
    for (;;) {
      const std::string_view rest = text_;
      const std::size_t length = line().size();
      const std::string_view whole = rest.substr(0, length);
      if (whole.empty()) return found;
      const std::size_t equals = std::min(whole.find('='), whole.size());
      found[whole.substr(0, equals)] = whole.substr(std::min(equals + 1, whole.size()));
    }
  }

  std::string_view field(const Fields& fields, const char* key) const {
    const auto found = fields.find(key);
    if (found == fields.end()) fail(concatenate("has no ", key));
    return found->second;
  }

  template <class Number>
  std::vector<Number> numbers(const Fields& fields, const char* key, std::ptrdiff_t expected = -1) const {
    std::vector<Number> values;
    const std::string_view text = field(fields, key);
    for (const char *next = text.data(), *const end = next + text.size(); next != end;) {
      if (*next == ' ') {
        ++next;
        continue;
      }
      const auto [rest, error] = std::from_chars(next, end, values.emplace_back());
      if (error != std::errc{} || (rest != end && *rest != ' '))
        fail(concatenate(key, " holds what is no number in range"));
      next = rest;
    }
    if (expected >= 0 && std::ssize(values) != expected)
      fail(concatenate(key, " holds ", values.size(), " numbers, expected ", expected));
    return values;
  }

  TreeNodes read_tree(index_t columns) {
    const Fields all = fields();
    const index_t leaves = numbers<index_t>(all, "num_leaves", 1)[0], nodes = leaves - 1;
    if (leaves < 1) fail("has no leaves");
    TreeNodes tree;
    tree.column = numbers<index_t>(all, "split_feature", nodes);
    tree.threshold = numbers<double>(all, "threshold", nodes);
    tree.decision = numbers<int>(all, "decision_type", nodes);
    tree.left = numbers<int>(all, "left_child", nodes);
    tree.right = numbers<int>(all, "right_child", nodes);
    tree.leaf_value = numbers<double>(all, "leaf_value", leaves);
    tree.leaf_count = numbers<index_t>(all, "leaf_count", nodes == 0 ? -1 : leaves);  // LightGBM counts no single leaf
    tree.node_count = numbers<index_t>(all, "internal_count", nodes);
    const index_t num_sets = numbers<index_t>(all, "num_cat", 1)[0];
    tree.set_begin.push_back(0);
    if (num_sets > 0) {
      tree.set_begin = numbers<index_t>(all, "cat_boundaries", num_sets + 1);
      tree.sets = numbers<std::uint32_t>(all, "cat_threshold");
    }
    if (numbers<int>(all, "is_linear", 1)[0] != 0) fail("has linear leaves, expected constant ones");
    check(tree, columns, num_sets);
    return tree;
  }

  void check(const TreeNodes& tree, index_t columns, index_t num_sets) const {
    const auto require = [&](bool holds, const char* what) {
      if (!holds) fail(concatenate(what, " is out of range"));
    };
    require(std::all_of(tree.leaf_value.begin(), tree.leaf_value.end(), [](double v) { return std::isfinite(v); }),
            "leaf_value");
    require(tree.set_begin.front() == 0 && std::is_sorted(tree.set_begin.begin(), tree.set_begin.end()) &&
                tree.set_begin.back() == std::ssize(tree.sets),
            "cat_boundaries");
    const int nodes = static_cast<int>(tree.column.size());
    for (int node = 0; node < nodes; ++node) {
      const auto n = static_cast<std::size_t>(node);
      require(tree.column[n] >= 0 && tree.column[n] < columns, "split_feature");
      for (const int child : {tree.left[n], tree.right[n]})
        require(child < 0 ? ~child <= nodes : child > node && child < nodes, "a child");
      const double threshold = tree.threshold[n];
      require(!std::isnan(threshold), "threshold");
      if (tree.is_categorical(n))
        require(threshold >= 0 && threshold < static_cast<double>(num_sets) && threshold == std::floor(threshold),
                "threshold of a category");
      require(tree.count_of(tree.left[n]) > 0 && tree.count_of(tree.right[n]) > 0, "a count");
    }
  }

  [[noreturn]] void fail(const std::string& problem) const {
    throw TreeError(concatenate(source_, ": ", tree_, problem));
  }

  std::string_view text_;  ///< what is left
  std::string source_, tree_;
};

inline constexpr std::string_view model_hash_key = "seqrec_hash=";

/// LightGBM's text with a line at its end that says what the text before must be. LightGBM reads over it.
inline std::string with_model_hash(std::string text) {
  text += concatenate(model_hash_key, Hash().add(text).text(), '\n');
  return text;
}

/// @throws TreeError where the line is there and says otherwise
inline void check_model_hash(std::string_view text, const std::string& source) {
  const std::size_t at = text.rfind(model_hash_key);
  if (at == text.npos) return;
  const std::string found = Hash().add(text.substr(0, at)).text();
  if (text.substr(at + model_hash_key.size()) != found + '\n')
    throw TreeError(concatenate(source, ": its content has the hash ", found,
                                ", which is not the one it ends with: it was ", "changed or is not whole"));
}

}  // namespace detail

/// What a model's text says: LightGBM's own, or Booster's.
/// @param source  of the text, for messages   @throws TreeError for what is no whole model of one score a row
inline ModelText read_model_text(std::string_view text, const std::string& source = "a model's text") {
  detail::check_model_hash(text, source);
  return detail::ModelTextReader(text, source).read();
}

}  // namespace seqrec
