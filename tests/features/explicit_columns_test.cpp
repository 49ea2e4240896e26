// SPDX-License-Identifier: Apache-2.0
#include "seqrec/features/explicit_columns.hpp"

#include <map>
#include <set>
#include <string>

#include "features/films.hpp"
#include "seqrec/data/names.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

FeatureSchema schema_of(const ExplicitFeatureOptions& options, const Dataset& data) {
  const ItemKnowledge items(data.num_items(), data.titles, data.item_features, options.genre, options.year);
  return explicit_schema(options, items, explicit_layout(options, items, names_of(data).user_categories));
}

}  // namespace

TEST_CASE("the columns of films, in their groups", "[features]") {
  const ExplicitFeatureOptions options = seqrec_test::small_options();
  const FeatureSchema schema = schema_of(options, seqrec_test::small_films());
  CHECK(schema.size() == explicit_columns + 3 + 6 + 6);
  std::map<FeatureGroup, int> groups;
  for (const FeatureColumn& column : schema.columns()) {
    INFO(column.name);
    ++groups[column.group];
    CHECK(column.name.rfind(std::string(name_of(column.group)) + "_", 0) == 0);
    CHECK_FALSE(column.label.empty());
    CHECK_FALSE(column.sentence.empty());
    for (const std::string* text : {&column.name, &column.label, &column.unit})
      CHECK(text->find('{') == std::string::npos);
    CHECK(column.sentence.find("{items}") == std::string::npos);
  }
  CHECK(groups == std::map<FeatureGroup, int>{{FeatureGroup::user, 5},
                                              {FeatureGroup::item, 13},
                                              {FeatureGroup::sequence, 11},
                                              {FeatureGroup::time, 6},
                                              {FeatureGroup::cross, 13}});
  // Places of the enumeration are places of the schema.
  CHECK(schema.place_of("item_year") == static_cast<index_t>(ExplicitColumn::item_year));
  CHECK(schema.place_of("cross_genre_share_3") == static_cast<index_t>(ExplicitColumn::cross_recent_genre_share));
  CHECK(schema.place_of("cross_genre_share_2") == static_cast<index_t>(ExplicitColumn::cross_newest_genre_share));
  CHECK(schema.place_of("cross_series_seen") == static_cast<index_t>(ExplicitColumn::cross_series_seen));
  CHECK(schema.place_of("user_age") == explicit_columns);
  CHECK(schema[schema.place_of("user_age")].values.empty());
  CHECK(schema[schema.place_of("user_occupation")].values == std::vector<std::string>{"artist", "writer"});
  CHECK(schema[schema.place_of("time_weekday")].values.size() == 7);
  CHECK(schema[schema.place_of("time_gap")].label == "days since the last film");
  CHECK(schema.find("item_genre_Sci-Fi"));
  CHECK(schema.find("sequence_share_Sci-Fi_3"));
}

TEST_CASE("options say which genres have columns, and what the hash is", "[features]") {
  ExplicitFeatureOptions options;
  const FeatureSchema all = schema_of(options, seqrec_test::small_films());
  options.item = "film", options.items = "films";
  CHECK(schema_of(options, seqrec_test::small_films()).hash() == all.hash());
  options.genre_columns = 1, options.share_columns = 0;
  const FeatureSchema few = schema_of(options, seqrec_test::small_films());
  CHECK(few.size() == explicit_columns + 3 + 1);
  CHECK(few.find("item_genre_Sci-Fi"));  // the most frequent one
  CHECK(few.hash() != all.hash());
  options.recent_events = 20;
  CHECK(schema_of(options, seqrec_test::small_films()).hash() != few.hash());
}

TEST_CASE("data that say nothing of users and items have the common columns alone", "[features]") {
  Dataset data = seqrec_test::small_films();
  data.user_features = data.item_features = {};
  data.titles.clear();
  CHECK(schema_of({}, data).size() == explicit_columns);
  data.user_features = make_feature_table({{"activity=high", "vip"}, {"activity=low", "category=a"}, {}});
  const FeatureSchema schema = schema_of({}, data);
  for (const char* name : {"user_activity", "user_category_activity", "user_category", "user_category_category"})
    CHECK(schema.find(name));
}
