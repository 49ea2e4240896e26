// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/title_year.hpp"

#include <string>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("a year is four digits at the beginning") {
  CHECK(leading_year("1995-04-01") == 1995);
  CHECK(leading_year("0007") == 7);
  for (const char* text : {"", "199", "19x5", " 1995"}) CHECK_FALSE(leading_year(text));
}

TEST_CASE("years are found at the end of titles") {
  CHECK(year_of_title("Toy Story (1995)") == 1995);
  CHECK(year_of_title("Land Before Time III (1995) (V)") == 1995);
  CHECK(year_of_title("Fawlty Towers (1975-1979)") == 1975);
  CHECK(year_of_title("2001: A Space Odyssey (1968)") == 1968);
  CHECK(year_of_title("Postino, Il (The Postman) (1994) ") == 1994);
  CHECK_FALSE(year_of_title(std::string(1'000'000, '(')));  // not by a million calls within each other
  for (const char* title : {"", "unknown", "1984", "(", "Heat (199", "Heat (199x)", "Heat (V)"})
    CHECK_FALSE(year_of_title(title));
}
