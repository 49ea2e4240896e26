// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/utf8.hpp"

#include <string>
#include <string_view>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("UTF-8 characters are recognised and nothing else", "[core]") {
  CHECK(utf8_length("a") == 1);
  CHECK(utf8_length("\xC3\xA9") == 2);          // U+00E9
  CHECK(utf8_length("\xE2\x82\xAC") == 3);      // U+20AC
  CHECK(utf8_length("\xF0\x9F\x8E\xAC") == 4);  // U+1F3AC
  CHECK(utf8_length("\xED\x9F\xBF") == 3);      // U+D7FF, the last before the surrogates
  CHECK(utf8_length("\xF4\x8F\xBF\xBF") == 4);  // U+10FFFF, the last
  for (const char* bad : {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
                          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xC3", "\xE2\x82", "\xC3(", ""})
    CHECK(utf8_length(bad) == 0);
}

TEST_CASE("well-formed UTF-8 is told from anything else", "[core]") {
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

TEST_CASE("foreign bytes are quoted for a message", "[core][errors]") {
  CHECK(quote_bytes("blocks.0") == "'blocks.0'");
  CHECK(quote_bytes("\x1B[31m\n\xFF") == "'\\x1b[31m\\x0a\\xff'");
  CHECK(quote_bytes(std::string(1000, 'x')) == "'" + std::string(60, 'x') + "...'");
  CHECK(quote_bytes("abc", 3) == "'abc'");
}
