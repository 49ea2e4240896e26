// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/text_encoding.hpp"

#include <string>
#include <string_view>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("Latin-1 becomes UTF-8") {
  CHECK(utf8_from_latin1("Toy Story (1995)") == "Toy Story (1995)");
  CHECK(utf8_from_latin1("Mis\xE9rables, Les") == "Mis\xC3\xA9rables, Les");
  CHECK(utf8_from_latin1("\x80\xBF\xC0\xFF") == "\xC2\x80\xC2\xBF\xC3\x80\xC3\xBF");
}

TEST_CASE("well-formed UTF-8 is told from anything else") {
  for (const char* text : {"", "plain", "Mis\xC3\xA9rables", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF",
                           "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"})
    CHECK(is_utf8(text));
  const std::string_view malformed[] = {"Mis\xE9rables",     // a lead byte without its continuation
                                        "\x80",              // a continuation alone
                                        "\xC3",              // cut short
                                        "\xE2\x82",          // cut short
                                        "\xF0\x9F\x98",      // cut short
                                        "\xC3\x28",          // not a continuation
                                        "\xE2\x82\x28",      // not a continuation
                                        "\xC0\x80",          // overlong
                                        "\xC1\xBF",          // overlong
                                        "\xE0\x9F\xBF",      // overlong
                                        "\xF0\x8F\xBF\xBF",  // overlong
                                        "\xED\xA0\x80",      // a surrogate
                                        "\xF4\x90\x80\x80",  // beyond U+10FFFF
                                        "\xF5\x80\x80\x80",  // beyond U+10FFFF
                                        "\xFF"};
  for (const std::string_view text : malformed) CHECK_FALSE(is_utf8(text));
}

TEST_CASE("text of unknown encoding stays where it is UTF-8 and is Latin-1 otherwise") {
  CHECK(utf8_from_unknown("Am\xC3\xA9lie") == "Am\xC3\xA9lie");
  CHECK(utf8_from_unknown("Am\xE9lie") == "Am\xC3\xA9lie");
}
