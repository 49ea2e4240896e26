// SPDX-License-Identifier: Apache-2.0
#include "seqrec/io/json.hpp"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;
using namespace std::string_literals;
using seqrec_test::message_of;

namespace {

std::string read_string(std::string_view text) {
  JsonReader json(text, "test");
  std::string value = json.string();
  json.finish();
  return value;
}

index_t read_integer(std::string_view text) {
  JsonReader json(text, "test");
  const index_t value = json.integer();
  json.finish();
  return value;
}

std::vector<std::pair<std::string, index_t>> read_members(std::string_view text) {
  std::vector<std::pair<std::string, index_t>> members;
  JsonReader json(text, "test");
  json.object([&](const std::string& key) { members.emplace_back(key, json.integer()); });
  json.finish();
  return members;
}

std::vector<index_t> read_elements(std::string_view text) {
  std::vector<index_t> elements;
  JsonReader json(text, "test");
  json.array([&] { elements.push_back(json.integer()); });
  json.finish();
  return elements;
}

}  // namespace

TEST_CASE("strings survive quoting and reading", "[io]") {
  CHECK(quote_json("plain") == "\"plain\"");
  CHECK(quote_json("a\"b\\c/\n\t\r\b\f\x01\x1F\x7F") == "\"a\\\"b\\\\c/\\n\\t\\r\\b\\f\\u0001\\u001f\x7F\"");
  std::string every;
  for (int code = 0; code < 128; ++code) every += static_cast<char>(code);
  every += "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8E\xAC";
  CHECK(read_string(quote_json(every)) == every);
  CHECK_THROWS_AS(quote_json("\xFF"), ArgumentError);
  CHECK_THROWS_AS(quote_json("\xE2\x82"), ArgumentError);
}

TEST_CASE("escapes are read, surrogate pairs as one character", "[io]") {
  CHECK(read_string(R"("\"\\\/\b\f\n\r\t")") == "\"\\/\b\f\n\r\t");
  CHECK(read_string(R"("\u0041\u00e9\u20AC\ud83c\udfac\u0000")") == "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8E\xAC\0"s);
  for (const char* bad :
       {R"("\x")", R"("\u12")", R"("\u12G4")", R"("\ud83c")", R"("\ud83cx")", R"("\ud83c\u0041")", R"("\udfac")",
        R"("\ud83c\ud83c")", R"("\)", R"("\u)", R"("open)", "\"\x01\"", "\"\xC3\"", "\"new\nline\"", "'a'", "a", ""})
    CHECK_THROWS_AS(read_string(bad), DataError);
}

TEST_CASE("integers are non-negative, whole and fit", "[io]") {
  CHECK(read_integer("0") == 0);
  CHECK(read_integer(" 42\n") == 42);
  CHECK(read_integer("9223372036854775807") == 9223372036854775807);
  for (const char* bad : {"9223372036854775808", "18446744073709551616", "99999999999999999999999", "-1", "+1", "1.0",
                          "1e3", "1E3", "01", "00", "0x10", "", " ", "null", "true", "\"1\"", "1 2"})
    CHECK_THROWS_AS(read_integer(bad), DataError);
}

TEST_CASE("objects and arrays", "[io]") {
  using Members = std::vector<std::pair<std::string, index_t>>;
  CHECK(read_members("{}") == Members{});
  CHECK(read_members(" { \"b\" : 2 ,\r\n\t\"a\":1 } ") == Members{{"b", 2}, {"a", 1}});
  for (const char* bad : {"", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{,}", "{1:2}",
                          "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{} {}", "[]", "{\"a\":1}x", "{\"a\":{}}"})
    CHECK_THROWS_AS(read_members(bad), DataError);

  CHECK(read_elements("[ ]").empty());
  CHECK(read_elements("[3, 1 ,2]") == std::vector<index_t>{3, 1, 2});
  for (const char* bad : {"", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{}", "[[1]]"})
    CHECK_THROWS_AS(read_elements(bad), DataError);
}

TEST_CASE("an object of strings", "[io]") {
  const auto strings = [](const std::string& text) {
    JsonReader json(text, "text");
    auto found = json.strings();
    json.finish();
    return found;
  };
  CHECK(strings(" { } ").empty());
  CHECK(strings(R"({"b": "1", "a":"", "\u0063":"x"})") ==
        std::map<std::string, std::string>{{"a", ""}, {"b", "1"}, {"c", "x"}});
  const auto error = [&](const std::string& text) {
    return seqrec_test::message_of<DataError>([&] { strings(text); });
  };
  CHECK(error(R"({"a":"1","\u0061":"2"})") == "text, byte 17: key 'a' occurs twice, expected distinct keys");
  CHECK(error(R"({"a":1})") == "text, byte 5: found '1', expected a string");
  CHECK(error(R"({"a":"1" "b"})") == "text, byte 9: found '\"', expected ',' or '}' after a member");
  CHECK(error(R"({"a")") == "text, byte 4: found the end, expected ':' after a key");
  CHECK(error(R"(["a"])") == "text, byte 0: found '[', expected an object");
}

TEST_CASE("JSON errors name source, byte, what is there and what was expected", "[io][errors]") {
  CHECK(message_of<DataError>([] { read_members("{\"a\":1,\"a\":2}"); }) ==
        "test, byte 10: key 'a' occurs twice, expected distinct keys");
  CHECK(message_of<DataError>([] { read_members("{\"a\"=1}"); }) ==
        "test, byte 4: found '=', expected ':' after a key");
  CHECK(message_of<DataError>([] { read_members("{\"a\":1"); }) ==
        "test, byte 6: found the end, expected ',' or '}' after a member");
  CHECK(message_of<DataError>([] { read_integer("-1"); }) ==
        "test, byte 0: found '-', expected a non-negative integer");
  CHECK(message_of<DataError>([] { read_integer("007"); }) ==
        "test, byte 3: found a leading zero, expected a non-negative integer");
}
