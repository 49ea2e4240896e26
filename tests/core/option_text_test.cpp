// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/option_text.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

enum class Placement { original, pre, post };
std::array<const char*, 3> names_of(Placement) { return {"original", "pre", "post"}; }

template <class Value>
Value parsed(const std::string& text) {
  Value value{};
  parse_option("o", text, value);
  return value;
}

template <class Value>
std::string error_of(const std::string& text) {
  return message_of<DataError>([&] { parsed<Value>(text); });
}

}  // namespace

TEST_CASE("numbers survive as text, to the last bit", "[core]") {
  CHECK(option_text(50) == "50");
  CHECK(option_text(0.2) == "0.2");
  using Limits = std::numeric_limits<double>;
  for (const double value : {0.1, 1.0 / 3, 1e-300, -0.0, 5e-324, Limits::min(), Limits::max(), Limits::lowest(),
                             Limits::infinity(), -Limits::infinity()})
    CHECK(parsed<double>(option_text(value)) == value);
  CHECK(std::isnan(parsed<double>(option_text(Limits::quiet_NaN()))));
  for (const float value : {0.1f, 1e-8f, 16777217.0f}) CHECK(parsed<float>(option_text(value)) == value);
  constexpr auto largest = std::numeric_limits<std::uint64_t>::max();
  CHECK(parsed<std::uint64_t>(option_text(largest)) == largest);
  CHECK(parsed<int>("-7") == -7);
}

TEST_CASE("truth values are words", "[core]") {
  CHECK(option_text(true) == "true");
  CHECK(option_text(false) == "false");
  CHECK(parsed<bool>("true"));
  CHECK_FALSE(parsed<bool>("false"));
  CHECK(error_of<bool>("1") == "option o is \"1\", expected true or false");
  for (const char* bad : {"", "True", "true ", "yes"}) CHECK_THROWS_AS(parsed<bool>(bad), DataError);
}

TEST_CASE("lists of extents are joined by dashes", "[core]") {
  using Extents = std::vector<index_t>;
  CHECK(option_text(Extents{80, 40}) == "80-40");
  CHECK(option_text(Extents{7}) == "7");
  CHECK(option_text(Extents{}) == "none");
  const Extents longest(1000, std::numeric_limits<index_t>::max());
  const Extents signs = {-5, 3, -2, std::numeric_limits<index_t>::min(), -7};
  for (const Extents& list : {Extents{}, Extents{0}, Extents{80, 40}, Extents{3, 1, 2}, longest, signs, Extents{-1}})
    CHECK(parsed<Extents>(option_text(list)) == list);
  Extents replaced = {1, 2, 3};
  parse_option("o", "5", replaced);
  CHECK(replaced == Extents{5});
}

TEST_CASE("names are separated by spaces, texts and paths stand for themselves", "[core]") {
  using Names = std::vector<std::string>;
  CHECK(option_text(Names{"hr@5", "auc"}) == "hr@5 auc");
  CHECK(option_text(Names{}).empty());
  for (const Names& list : {Names{}, Names{"a"}, Names{"a", "b-c", "d.e"}})
    CHECK(parsed<Names>(option_text(list)) == list);
  CHECK(parsed<Names>("  a   b ") == Names{"a", "b"});
  CHECK(parsed<std::string>("two words") == "two words");
  CHECK(parsed<std::filesystem::path>(option_text(std::filesystem::path("a/b"))) == "a/b");
  CHECK(option_text(std::vector<int>{5, 10}) == "5-10");
  for (const Names& list : {Names{"a b"}, Names{""}, Names{"a", " "}})  // would be read as other lists
    CHECK_THAT(message_of<ArgumentError>([&] { option_text(list); }),
               ContainsSubstring("expected names without spaces"));
}

TEST_CASE("enumerations are written by name", "[core]") {
  CHECK(option_text(Placement::pre) == "pre");
  for (const Placement value : {Placement::original, Placement::pre, Placement::post})
    CHECK(parsed<Placement>(option_text(value)) == value);
  CHECK(message_of<ArgumentError>([] { option_text(static_cast<Placement>(3)); }) ==
        "option has value 3 of an enumeration, expected one of its 3 named values");
}

TEST_CASE("text that is no such value is refused", "[core][errors]") {
  CHECK(error_of<int>("5x") == "option o is \"5x\", expected a number in range");
  for (const char* bad : {"", " 5", "5 ", "+5", "5.0", "0x5", "99999999999", "fifty"})
    CHECK_THROWS_AS(parsed<int>(bad), DataError);
  CHECK_THROWS_AS(parsed<std::uint64_t>("-1"), DataError);
  CHECK_THROWS_AS(parsed<double>("1e999"), DataError);
  CHECK_THROWS_AS(parsed<double>("0,5"), DataError);
  CHECK(error_of<Placement>("sideways") == "option o is \"sideways\", expected one of original, pre, post");
  CHECK_THROWS_AS(parsed<Placement>(""), DataError);
  using Extents = std::vector<index_t>;
  for (const char* bad : {"", "-", "80-", "80---40", "--40", "80,40", "80 - 40", "None", "80-forty", "80.5"})
    CHECK_THROWS_AS(parsed<Extents>(bad), DataError);
  CHECK(error_of<Extents>("80-forty") == "option o is \"forty\", expected a number in range");
  CHECK(error_of<std::vector<std::uint64_t>>("80--40") == "option o is \"-40\", expected a number in range");
  const std::string shown = error_of<Extents>("\033[2J" + std::string(100000, 'x'));
  CHECK(shown.find('\033') == shown.npos);
  CHECK(shown.size() < 200);
}
