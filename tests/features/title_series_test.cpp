// SPDX-License-Identifier: Apache-2.0
#include "seqrec/features/title_series.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("a series is a title without its part's name and number", "[features]") {
  for (const auto& [title, name] : std::vector<std::pair<std::string, std::string>>{
           {"Star Trek: First Contact (1996)", "Star Trek"},
           {"Star Trek VI: The Undiscovered Country (1991)", "Star Trek"},
           {"Godfather, The (1972)", "Godfather"},
           {"Godfather: Part II, The (1974)", "Godfather"},
           {"Father of the Bride Part II (1995)", "Father of the Bride"},
           {"Father of the Bride (1991)", "Father of the Bride"},
           {"Land Before Time III: The Time of the Great Giving (1995) (V)", "Land Before Time"},
           {"Die Hard 2 (1990)", "Die Hard"},
           {"Heidi Fleiss: Hollywood Madam (1995) ", "Heidi Fleiss"},
           {"2001: A Space Odyssey (1968)", "2001"},
           {"187 (1997)", "187"},
           {"Malcolm X (1992)", "Malcolm X"},  // no number: a single letter
           {"Seven (Se7en) (1995)", "Seven"},
           {"(1995)", "(1995)"},
           {"unmatched)", "unmatched)"},
           {": nothing before (1990)", ": nothing before"},
           {"", ""}})
    CHECK(series_name(title) == name);
}

TEST_CASE("items of one series have one number, whatever the case; without a title there is none", "[features]") {
  CHECK(series_of({"Alien 3 (1992)", "Heat (1995)", "", "ALIEN: Resurrection (1997)", "alien"}) ==
        std::vector<std::int32_t>{0, 1, -1, 0, 0});
  CHECK(series_of({}).empty());
}
