// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/renumber.hpp"

#include <string>
#include <vector>

#include "data/small_datasets.hpp"
#include "seqrec/data/names.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

using Strings = std::vector<std::string>;

std::vector<Strings> categories_of(const FeatureTable& table) {
  std::vector<Strings> rows(static_cast<std::size_t>(table.rows()));
  for (std::size_t row = 0; row < rows.size(); ++row)
    for (offset_t i = table.offsets[row]; i < table.offsets[row + 1]; ++i)
      rows[row].push_back(table.names[static_cast<std::size_t>(table.values[static_cast<std::size_t>(i)])]);
  return rows;
}

/// Histories by id.
std::vector<Strings> events_of(const Dataset& data) {
  std::vector<Strings> users;
  for (index_t user = 0; user < data.num_users(); ++user) {
    users.emplace_back();
    for (const item_t item : data.history(user)) users.back().emplace_back(data.item_ids[item]);
  }
  return users;
}

/// Of this month: items 10, 20, 30.
Dataset old_export() {
  Dataset data = seqrec_test::dataset_of({{10, 20, 30}});
  data.user_features = make_feature_table({{"gender=F", "age=18-24"}});
  data.item_features = make_feature_table({{"genre=A"}, {"genre=B"}, {"genre=D"}});
  return data;
}

/// Of the next: 20 has gone, 15 and 40 are new.
Dataset new_export() {
  Dataset data = seqrec_test::dataset_of({{30, 15, 10}, {15, 40}, {10, 30}});
  data.times = {1, 2, 3, 4, 5, 6, 7};
  data.ratings = {5, 4, 3, 2, 1, 2, 3};
  data.titles = {"ten", "fifteen", "thirty", "forty"};
  data.user_features = make_feature_table({{"gender=F"}, {"gender=M"}, {"gender=F", "age=18-24"}});
  data.item_features = make_feature_table({{"genre=C"}, {"genre=A"}, {"genre=B", "genre=D", "genre=C"}, {"genre=A"}});
  return data;
}

}  // namespace

TEST_CASE("an export takes the numbers of the model that it is for", "[data]") {
  const Names names = names_of(old_export());
  const Renumbered result = renumber(new_export(), names);
  const Dataset& data = result.data;
  CHECK(data.num_items() == 3);
  CHECK(data.item_ids == names.items);
  CHECK_NOTHROW(check_names(names, data));
  CHECK(events_of(data) == std::vector<Strings>{{"30", "10"}, {}, {"10", "30"}});
  CHECK(data.times == std::vector<std::int64_t>{1, 3, 6, 7});
  CHECK(data.ratings == std::vector<float>{5, 3, 2, 3});
  CHECK(data.user_ids.text() == "0\n1\n2\n");
  CHECK(data.titles == Strings{"ten", "", "thirty"});
}

TEST_CASE("what a model does not know of an export is said", "[data]") {
  const Renumbered result = renumber(new_export(), names_of(old_export()));
  CHECK(result.unknown_items == Strings{"15", "40"});
  CHECK(result.dropped_events == 3);
  CHECK(result.unknown_categories == Strings{"gender=M", "genre=C"});
}

TEST_CASE("categories take the model's numbers too", "[data]") {
  const Dataset data = renumber(new_export(), names_of(old_export())).data;
  CHECK(data.user_features.names == Strings{"age=18-24", "gender=F"});
  CHECK(categories_of(data.user_features) == std::vector<Strings>{{"gender=F"}, {}, {"age=18-24", "gender=F"}});
  CHECK(data.item_features.names == Strings{"genre=A", "genre=B", "genre=D"});
  CHECK(categories_of(data.item_features) == std::vector<Strings>{{}, {}, {"genre=B", "genre=D"}});
}

TEST_CASE("a model that reads no categories leaves them", "[data]") {
  const Renumbered result = renumber(new_export(), {names_of(old_export()).items, {}, {}});
  CHECK(result.data.user_features.names == new_export().user_features.names);
  CHECK(categories_of(result.data.item_features) ==
        std::vector<Strings>{{"genre=C"}, {}, {"genre=B", "genre=C", "genre=D"}});
  CHECK(result.unknown_categories.empty());
}

TEST_CASE("an export under its own numbers stays as it is", "[data]") {
  const Dataset data = new_export();
  const Renumbered result = renumber(data, names_of(data));
  CHECK(result.data.hash() == data.hash());
  CHECK(result.data.item_features.values == data.item_features.values);
  CHECK(result.unknown_items.empty());
  CHECK(result.dropped_events == 0);
}

TEST_CASE("an export of which a model knows nothing is refused", "[data]") {
  CHECK_THROWS_WITH(renumber(new_export(), {Vocabulary(Strings{"7"}), {}, {}}),
                    ContainsSubstring("small: the model knows none of its 4 items"));
  CHECK_THROWS_AS(renumber(new_export(), Names{}), ArgumentError);
}
