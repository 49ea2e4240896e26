// SPDX-License-Identifier: Apache-2.0
#include "seqrec/features/feature_column.hpp"

#include <string>
#include <string_view>

#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

TEST_CASE("groups have names", "[features]") {
  CHECK(std::string(name_of(FeatureGroup::deep)) == "deep");
  CHECK(std::string(name_of(FeatureGroup::cross)) == "cross");
  CHECK(names_of(FeatureGroup{}).size() == 6);
}

TEST_CASE("a column with values is a category", "[features]") {
  CHECK(FeatureColumn{.name = "a", .values = {"x"}}.is_category());
  CHECK_FALSE(FeatureColumn{.name = "a"}.is_category());
}

TEST_CASE("the places of a sentence are filled, and what fills them is not read again", "[features]") {
  const auto place = [](std::string_view name) { return "<" + std::string(name) + "{x}>"; };
  CHECK(fill_sentence("{a} of {bc}.", place) == "<a{x}> of <bc{x}>.");
  CHECK(fill_sentence("nothing } here", place) == "nothing } here");
  CHECK(fill_sentence("", place).empty());
  CHECK(message_of<ArgumentError>([&] { fill_sentence("a {b", place); }) ==
        "sentence is a {b, expected a } behind each {");
}
