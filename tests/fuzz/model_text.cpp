// SPDX-License-Identifier: Apache-2.0
// LightGBM's text of trees, which LightGBM itself would believe.
#include "seqrec/trees/model_text.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/support.hpp"

namespace {

/// Goes the way of a row with this value everywhere down a tree: every child must be there.
double leaf_of(const seqrec::TreeNodes& tree, double value) {
  int child = tree.column.empty() ? ~0 : 0;
  while (child >= 0) {
    const auto node = static_cast<std::size_t>(child);
    child = tree.goes_left(node, value) ? tree.left.at(node) : tree.right.at(node);
  }
  return tree.leaf_value.at(static_cast<std::size_t>(~child));
}

}  // namespace

/// One whole model of a number and a category, with its hash and without: two trees and a single leaf.
std::vector<std::string> made_seeds() {
  const std::array<std::string, 3> trees = {
      "Tree=0\nnum_leaves=3\nnum_cat=0\nsplit_feature=0 0\nsplit_gain=2 1\nthreshold=0.5 0.25\ndecision_type=2 8\n"
      "left_child=1 -1\nright_child=-2 -3\nleaf_value=0.125 -0.5 1\nleaf_weight=1 1 1\nleaf_count=3 4 5\n"
      "internal_value=0 0\ninternal_weight=0 2\ninternal_count=12 8\nis_linear=0\nshrinkage=1\n\n\n",
      "Tree=1\nnum_leaves=2\nnum_cat=1\nsplit_feature=1\nsplit_gain=2\nthreshold=0\ndecision_type=1\nleft_child=-1\n"
      "right_child=-2\nleaf_value=0.5 -1\nleaf_weight=1 1\nleaf_count=6 6\ninternal_value=0\ninternal_weight=0\n"
      "internal_count=12\ncat_boundaries=0 2\ncat_threshold=5 1\nis_linear=0\nshrinkage=0.1\n\n\n",
      "Tree=2\nnum_leaves=1\nnum_cat=0\nsplit_feature=\nsplit_gain=\nthreshold=\ndecision_type=\nleft_child=\n"
      "right_child=\nleaf_value=0.25\nleaf_weight=\nleaf_count=\ninternal_value=\ninternal_weight=\ninternal_count=\n"
      "is_linear=0\nshrinkage=1\n\n\n"};
  std::string text =
      "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=1\n"
      "objective=lambdarank\nfeature_names=number category\nfeature_infos=[0:1] 0:1:2\ntree_sizes=";
  for (const std::string& tree : trees) text += std::to_string(tree.size()) + (&tree == &trees.back() ? "\n\n" : " ");
  for (const std::string& tree : trees) text += tree;
  text += "end of trees\n\nfeature_importances:\nnumber=2\ncategory=1\n\nparameters:\nend of parameters\n";
  return {text, seqrec::detail::with_model_hash(text)};
}

/// Whatever the text says, trees that were read lead every row to a leaf.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = seqrec_fuzz::text_of(data, size);
  return seqrec_fuzz::expect_read_or_error(size, [&] {
    const seqrec::ModelText model = seqrec::read_model_text(text, "model.txt");
    for (const seqrec::TreeNodes& tree : model.trees) {
      for (const double value : {-1.0, 0.0, 0.3, 1.0, 40.0, 1e300, std::numeric_limits<double>::quiet_NaN(),
                                 std::numeric_limits<double>::infinity()})
        seqrec_fuzz::require(std::isfinite(leaf_of(tree, value)), "a leaf that is no number");
      seqrec_fuzz::require(tree.expected_values().size() == tree.column.size(), "nodes without an expected value");
    }
  });
}
