// SPDX-License-Identifier: Apache-2.0
#include "seqrec/features/category_kinds.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("values that are numbers, or ranges of them, have a number", "[features]") {
  CHECK(number_of_value("25") == 25);
  CHECK(number_of_value("2.5") == 2.5F);
  CHECK(number_of_value("1990-1994") == 1992);
  CHECK(number_of_value("25-34") == 29.5F);
  CHECK(number_of_value("56+") == 56);
  CHECK(number_of_value("under 18") == 18);
  for (const char* text : {"", "F", "25-", "25-x", "25 years", "-", "25+x", "1-2-3", "nan", "inf", "under"})
    CHECK(std::isnan(number_of_value(text)));
}

TEST_CASE("categories are told apart by what stands before =", "[features]") {
  const std::vector<CategoryKind> kinds =
      category_kinds({"age=18-24", "age=under 18", "gender=F", "vip", "zone=1", "zone=north", "gender=M"});
  REQUIRE(kinds.size() == 4);
  CHECK(kinds[0].name.empty());
  CHECK(kinds[0].values == std::vector<std::string>{"vip"});
  CHECK(kinds[1].name == "age");
  CHECK(kinds[1].numbers == std::vector<float>{21, 18});
  CHECK(kinds[2].name == "gender");
  CHECK(kinds[2].values == std::vector<std::string>{"F", "M"});
  CHECK_FALSE(kinds[2].is_number());
  CHECK_FALSE(kinds[3].is_number());  // north is none
  CHECK(kinds[2].place_of(2) == 0);
  CHECK(kinds[2].place_of(6) == 1);
  CHECK(kinds[2].place_of(3) == -1);
  CHECK(kinds[2].place_of(7) == -1);
  CHECK(kind_named(kinds, "zone") == &kinds[3]);
  CHECK(kind_named(kinds, "shoe size") == nullptr);
  CHECK(category_kinds({}).empty());
}
