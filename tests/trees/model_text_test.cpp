// SPDX-License-Identifier: Apache-2.0
#include "seqrec/trees/model_text.hpp"

#include <string>
#include <utility>

#include "support/catch.hpp"
#include "support/trees.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

/// The text without its hash, so that what is inside is judged.
std::string plain_text() {
  std::string text = toy_booster().text();
  text.resize(text.rfind(detail::model_hash_key));
  return text;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != text.npos);
  return text.replace(at, from.size(), to);
}

std::string refused(const std::string& text) {
  return message_of<TreeError>([&] { read_model_text(text, "booster.txt"); });
}

/// The first line of `text` that begins with `key`.
std::string line_of(const std::string& text, const std::string& key) {
  const std::size_t at = text.find("\n" + key) + 1;
  return text.substr(at, text.find('\n', at) - at);
}

}  // namespace

TEST_CASE("a model's text says columns, objective and trees") {
  const ModelText model = read_model_text(plain_text());
  CHECK(model.objective == TreeObjective::lambdarank);
  CHECK(model.columns == TreeToy::columns().names);
  REQUIRE(model.trees.size() == 12);
  bool categorical = false;
  for (const TreeNodes& tree : model.trees) {
    CHECK(tree.leaves() <= 8);
    CHECK(tree.column.size() + 1 == tree.leaf_value.size());
    for (std::size_t node = 0; node < tree.column.size(); ++node) {
      CHECK(tree.node_count[node] == tree.count_of(tree.left[node]) + tree.count_of(tree.right[node]));
      categorical = categorical || tree.is_categorical(node);
    }
  }
  CHECK(categorical);
  CHECK(read_model_text(toy_booster(TreeObjective::binary).text()).objective == TreeObjective::binary);
}

TEST_CASE("a model's text that ends too early is refused, wherever it ends") {
  const std::string text = plain_text();
  const std::string end = "end of trees\n";
  const std::size_t whole = text.find(end) + end.size();
  for (std::size_t length = 0; length < whole; length += length < 600 ? 1 : 37) {
    INFO(length);
    CHECK_THAT(refused(text.substr(0, length)), ContainsSubstring("booster.txt: "));
  }
  CHECK_NOTHROW(read_model_text(text.substr(0, whole)));
}

TEST_CASE("a model's text that was changed is not what its hash says") {
  const std::string text = toy_booster().text();
  CHECK_NOTHROW(read_model_text(text));
  for (std::size_t at = 0; at < text.size(); at += 101) {
    std::string changed = text;
    changed[at] = changed[at] == '1' ? '2' : '1';
    INFO(at);
    CHECK_THAT(refused(changed), ContainsSubstring("booster.txt: "));
  }
  CHECK_THAT(refused(replaced(text, "leaf_value=", "leaf_value=1 ")),
             ContainsSubstring("it was changed or is not whole"));
  CHECK_THAT(refused(text.substr(0, text.size() - 5)), ContainsSubstring("it was changed or is not whole"));
}

TEST_CASE("a model's text with numbers that point elsewhere is refused before LightGBM follows them") {
  const std::string text = plain_text();
  const auto expect = [&](const std::string& key, const std::string& value, const std::string& said) {
    const std::string line = line_of(text, key + "=");
    // The length of each tree stays what tree_sizes says, so that the field itself is found.
    std::string put = key + "=" + value;
    REQUIRE(put.size() <= line.size());
    put.resize(line.size(), ' ');
    INFO(line);
    CHECK_THAT(refused(replaced(text, line, put)), ContainsSubstring(said));
  };
  REQUIRE(read_model_text(text).trees[0].leaves() == 8);
  expect("split_feature", "0 0 0 0 0 0 4", "Tree=0 split_feature is out of range");
  expect("left_child", "1 2 3 4 5 6 9", "Tree=0 a child is out of range");
  expect("left_child", "0 2 3 4 5 6 1", "Tree=0 a child is out of range");
  expect("right_child", "-9 -3", "Tree=0 right_child holds 2 numbers, expected 7");
  expect("leaf_value", "1 2 3 4 5 6 7 inf", "Tree=0 leaf_value is out of range");
  expect("leaf_value", "1 2 3 4 5 6 7 x", "Tree=0 leaf_value holds what is no number");
  expect("internal_count", "1", "Tree=0 internal_count holds 1 numbers, expected 7");
  expect("num_leaves", "0", "Tree=0 has no leaves");
  expect("is_linear", "1", "Tree=0 has linear leaves");
  expect("max_feature_idx", "9", "max_feature_idx does not fit feature_names");
  expect("num_class", "3", "num_class is not 1");
  expect("objective", "rmse", "objective is 'rmse");
  expect("tree_sizes", "10", "is not as long as tree_sizes says");
  CHECK_THAT(refused(replaced(text, "Tree=1\n", "Tree=7\n")), ContainsSubstring("Tree=1 does not begin where"));
  CHECK_THAT(refused(replaced(text, "internal_count=", "internal_counts=")),
             ContainsSubstring("has no internal_count"));
  CHECK_THAT(refused("{}\n"), ContainsSubstring("does not begin with the line \"tree\""));
}
