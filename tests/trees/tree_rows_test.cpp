// SPDX-License-Identifier: Apache-2.0
#include "seqrec/trees/tree_rows.hpp"

#include <limits>
#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

const std::vector<std::string> two = {"age", "gap"};

std::string refused(const TreeRows<double>& rows) {
  return message_of<TreeError>([&] { detail::check_tree_rows("rows", rows, two); });
}
std::string refused(const TreeColumns& columns) {
  return message_of<TreeError>([&] { detail::check_tree_columns(columns); });
}
std::string refused(const std::vector<float>& labels, const std::vector<index_t>& groups = {},
                    const std::vector<float>& weights = {}) {
  return message_of<TreeError>([&] { detail::check_tree_labels("training rows", 4, {labels, groups, weights}, 1); });
}

}  // namespace

TEST_CASE("rows of trees: missing values pass, infinite ones and other extents are named") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinite = std::numeric_limits<double>::infinity();
  const std::vector<double> good = {1, nan, 3, 4}, bad = {1, 2, 3, -infinite};
  CHECK_NOTHROW(detail::check_tree_rows("rows", TreeRows<double>{good, 2}, two));
  CHECK(TreeRows<double>{good, 2}.rows() == 2);
  CHECK(TreeRows<double>{good, 2}.row(1)[0] == 3);
  CHECK_THAT(refused(TreeRows<double>{bad, 2}), ContainsSubstring("gap of row 1 is -inf, expected a finite number"));
  CHECK_THAT(refused(TreeRows<double>{good, 4}), ContainsSubstring("rows have 4 columns, expected 2"));
  CHECK_THAT(refused(TreeRows<double>{std::span(good).first(3), 2}),
             ContainsSubstring("hold 3 values, expected a multiple of 2"));
}

TEST_CASE("columns of trees: names that LightGBM would change are refused") {
  CHECK_NOTHROW(detail::check_tree_columns({{"age", "jahr_\xC3\xA4"}, {1}}));
  CHECK_THAT(refused(TreeColumns{}), ContainsSubstring("none"));
  CHECK_THAT(refused(TreeColumns{{"age", "age"}}), ContainsSubstring("'age' twice"));
  for (const char* name : {"", "last gap", "a,b", "a:b", "{a}", "[a]", "\"a\"", "a=b", "a\nb"}) {
    INFO(name);
    CHECK_THAT(refused(TreeColumns{{name}}), ContainsSubstring("expected a name without spaces"));
  }
  CHECK_THAT(refused(TreeColumns{{"age"}, {1}}), ContainsSubstring("a categorical column is 1, expected 0 .. 0"));
}

TEST_CASE("labels of trees: every way in which they can be wrong is named") {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinite = std::numeric_limits<float>::infinity();
  CHECK_NOTHROW(detail::check_tree_labels("rows", 4, {std::vector<float>{0, 1, 0, 0}}, 1));
  CHECK_THAT(refused({0, 1, 0}), ContainsSubstring("labels are 3, expected 4"));
  CHECK_THAT(refused({0, 1, nan, 0}), ContainsSubstring("a label is nan, expected a whole number, 0 .. 1"));
  CHECK_THAT(refused({0, 1, infinite, 0}), ContainsSubstring("a label is inf"));
  CHECK_THAT(refused({0, 1, 0.5f, 0}), ContainsSubstring("a label is 0.5"));
  CHECK_THAT(refused({0, 1, 2, 0}), ContainsSubstring("a label is 2"));
  CHECK_THAT(refused({1, 1, 1, 1}), ContainsSubstring("all labels are the same"));
  CHECK_THAT(refused({1, 1, 0, 0}, {2, 2}), ContainsSubstring("all labels of a group are the same"));
  CHECK_THAT(refused({0, 1, 0, 0}, {2, 1}), ContainsSubstring("rows of all groups are 3, expected 4"));
  CHECK_THAT(refused({0, 1, 0, 0}, {4, 0}), ContainsSubstring("a group has 0 rows"));
  CHECK_THAT(refused({0, 1, 0, 0}, {}, {1, 1}), ContainsSubstring("weights are 2, expected 4"));
  CHECK_THAT(refused({0, 1, 0, 0}, {}, {1, 1, 0, 1}), ContainsSubstring("a weight is 0, expected a positive number"));
  CHECK_THAT(message_of<TreeError>([] { detail::check_tree_labels("training rows", 0, {}, 1); }),
             ContainsSubstring("training rows are none"));
}
