// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/features.hpp"

#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("categories are numbered in ascending order of their names, distinct within a row") {
  const FeatureTable table = make_feature_table({{"year=1995", "genre=War"}, {}, {"genre=War", "age=1", "genre=War"}});
  CHECK(table.names == std::vector<std::string>{"age=1", "genre=War", "year=1995"});
  CHECK(table.offsets == std::vector<offset_t>{0, 2, 2, 4});
  CHECK(table.values == std::vector<item_t>{1, 2, 0, 1});
  CHECK(table.rows() == 3);
  CHECK(table.categories() == 3);
  CHECK(static_cast<bool>(table));
  const Jagged<const item_t, HostSpace> view = table.view();
  CHECK(view.segments() == 3);
  CHECK(view.length(1) == 0);
  CHECK(view[2](0) == 0);
  CHECK(view[2](1) == 1);
}

TEST_CASE("no category at all is no features") {
  for (const FeatureTable& table : {FeatureTable{}, make_feature_table({}), make_feature_table({{}, {}})}) {
    CHECK_FALSE(static_cast<bool>(table));
    CHECK(table.rows() == 0);
    CHECK_FALSE(static_cast<bool>(table.view()));
    CHECK_FALSE(static_cast<bool>(select_rows(table, {0, 1})));
  }
}

TEST_CASE("selected rows keep their categories' numbers") {
  const FeatureTable table = make_feature_table({{"a"}, {"b", "c"}, {}, {"c"}});
  const FeatureTable selected = select_rows(table, {1, 2, 3});
  CHECK(selected.names == table.names);
  CHECK(selected.offsets == std::vector<offset_t>{0, 2, 2, 3});
  CHECK(selected.values == std::vector<item_t>{1, 2, 2});
}
