// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/text_encoding.hpp"

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("Latin-1 becomes UTF-8") {
  CHECK(utf8_from_latin1("Toy Story (1995)") == "Toy Story (1995)");
  CHECK(utf8_from_latin1("Mis\xE9rables, Les") == "Mis\xC3\xA9rables, Les");
  CHECK(utf8_from_latin1("\x80\xBF\xC0\xFF") == "\xC2\x80\xC2\xBF\xC3\x80\xC3\xBF");
}

TEST_CASE("text of unknown encoding stays where it is UTF-8 and is Latin-1 otherwise") {
  CHECK(utf8_from_unknown("Am\xC3\xA9lie") == "Am\xC3\xA9lie");
  CHECK(utf8_from_unknown("Am\xE9lie") == "Am\xC3\xA9lie");
}
