// SPDX-License-Identifier: Apache-2.0
#include "seqrec/features/feature_schema.hpp"

#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

std::vector<FeatureColumn> columns() {
  return {{"item_year", "year", "years", FeatureGroup::item, "It is of \"{value}\".", {}},
          {"user_job",
           "job",
           "",
           FeatureGroup::user,
           "Your job: {text}.",
           {"artist",
            "\xC3\xA9"
            "crivain"}}};
}

}  // namespace

TEST_CASE("columns are found by name", "[features]") {
  const FeatureSchema schema(columns());
  CHECK(schema.size() == 2);
  CHECK(schema[1].values.size() == 2);
  CHECK(schema.find("user_job") == 1);
  CHECK_FALSE(schema.find("job"));
  CHECK(schema.place_of("item_year") == 0);
  CHECK(message_of<ArgumentError>([&] { schema.place_of("x"); }) == "FeatureSchema: there is no column x");
  CHECK(message_of<ArgumentError>([] { FeatureSchema({{"a"}, {"a"}}); }) == "FeatureSchema: column a is there twice");
  CHECK_THROWS_AS(FeatureSchema({FeatureColumn{}}), ArgumentError);
  const FeatureSchema both = FeatureSchema({{"deep_score"}}) + schema;
  CHECK(both.find("item_year") == 1);
  CHECK(both.size() == 3);
  CHECK_THROWS_AS(schema + schema, ArgumentError);
}

TEST_CASE("the hash knows what numbers mean, not how it is worded", "[features]") {
  const auto hash_with = [](auto&& change) {
    std::vector<FeatureColumn> changed = columns();
    change(changed);
    return FeatureSchema(changed).hash();
  };
  const std::string hash = FeatureSchema(columns()).hash();
  CHECK(hash_with([](auto& c) { c[0].sentence = c[0].label = "other words"; }) == hash);
  CHECK(hash_with([](auto& c) { c[0].name = "item_age"; }) != hash);
  CHECK(hash_with([](auto& c) { c[0].unit = "days"; }) != hash);
  CHECK(hash_with([](auto& c) { c[0].group = FeatureGroup::time; }) != hash);
  CHECK(hash_with([](auto& c) { c[1].values.pop_back(); }) != hash);
  CHECK(hash_with([](auto& c) { std::swap(c[0], c[1]); }) != hash);
  CHECK(hash_with([](auto& c) { c.pop_back(); }) != hash);
}

TEST_CASE("a schema's text is read again, and nothing else", "[features][errors]") {
  const FeatureSchema schema(columns());
  const FeatureSchema read = FeatureSchema::from_text(schema.text(), "file");
  CHECK(read.text() == schema.text());
  CHECK(read.hash() == schema.hash());
  CHECK(read[0].sentence == schema[0].sentence);
  CHECK(FeatureSchema::from_text(FeatureSchema().text(), "file").size() == 0);
  const auto complaint = [](const std::string& text) {
    return message_of<DataError>([&] { FeatureSchema::from_text(text, "file"); });
  };
  CHECK(complaint("{\"columns\":[]}") == "file: version of the features is 0, expected 1");
  CHECK(complaint("{\"version\":2,\"columns\":[]}") == "file: version of the features is 2, expected 1");
  CHECK_THAT(complaint("{\"version\":1,\"rows\":[]}"), ContainsSubstring("has 'rows', expected version or columns"));
  CHECK_THAT(complaint("{\"version\":1,\"columns\":[{\"name\":\"a\",\"group\":\"people\"}]}"),
             ContainsSubstring("group is 'people', expected one of deep"));
  CHECK_THAT(complaint("{\"version\":1,\"columns\":[{\"title\":\"a\"}]}"),
             ContainsSubstring("a column has 'title', expected name"));
  CHECK_THAT(complaint("{\"version\":1,\"columns\":[{\"name\":\"a\"},{\"name\":\"a\"}]}"),
             ContainsSubstring("file: FeatureSchema: column a is there twice"));
  CHECK_THAT(complaint("[]"), ContainsSubstring("an object"));
  CHECK_THAT(complaint(schema.text() + "x"), ContainsSubstring("the end"));
}
