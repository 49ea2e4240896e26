// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/id_column.hpp"

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "seqrec/data/readers/numbering.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

IdColumn column_of(std::initializer_list<std::string_view> texts) { return IdColumn(texts); }

/// The ids in the order in which a data set numbers them, one a line.
std::string ids_of(const IdColumn& column) { return detail::Numbering(column).vocabulary().text(); }

}  // namespace

TEST_CASE("whole numbers are numbers, in ascending order, however they are written") {
  CHECK(ids_of(column_of({"30", "0", "7", "9223372036854775807", "30"})) == "0\n7\n30\n9223372036854775807\n");
  CHECK(ids_of(column_of({"1011", "1011.0", "1011.000"})) == "1011\n");
  CHECK(ids_of(column_of({"5", "-3", "-9223372036854775808", "-3.0"})) == "-9223372036854775808\n-3\n5\n");
  CHECK(ids_of(column_of({"18446744073709551615", "9", "9223372036854775808"})) ==
        "9\n9223372036854775808\n18446744073709551615\n");
}

TEST_CASE("with one name all are names in order of first appearance") {
  const IdColumn column = column_of({"30", "7", "30", "B00X", "7.0", "30"});
  CHECK(ids_of(column) == "30\n7\nB00X\n");
  CHECK(column.keys()[4] == 1);
  CHECK(ids_of(column_of({"x", "1011.0", "1011"})) == "x\n1011\n");
  // Of negative numbers and such as only unsigned ones can be none is first.
  CHECK(ids_of(column_of({"-1", "18446744073709551615", "-1"})) == "-1\n18446744073709551615\n");
  CHECK(ids_of(column_of({"18446744073709551615", "3", "-1"})) == "18446744073709551615\n3\n-1\n");
}

TEST_CASE("what is not written as numbers are is a name") {
  // Else "7" and "007" would be one user.
  for (const char* text : {"007", "+1", "-0", "-07", "1.", "1.5", ".0", "1e3", " 1", "1 ", "18446744073709551616",
                           "1.0.0", "-9223372036854775809", "-", "x"}) {
    CHECK(ids_of(column_of({text})) == std::string(text) + "\n");
    CHECK_FALSE(detail::whole_number(text));
  }
}

TEST_CASE("numbers of any integer type are the ids that their texts are") {
  IdColumn column;
  column.push_back(std::uint8_t{7});
  column.push_back(std::int64_t{7});
  column.push_back("7");
  column.push_back(std::numeric_limits<std::uint64_t>::max());
  CHECK(ids_of(column) == "7\n18446744073709551615\n");
  column.push_back("name");
  column.push_back(7);
  CHECK(ids_of(column) == "7\n18446744073709551615\nname\n");
}

TEST_CASE("names become UTF-8, and what cannot be an id is refused") {
  CHECK(ids_of(column_of({"Am\xE9lie", "Am\xC3\xA9lie"})) == "Am\xC3\xA9lie\n");
  CHECK(id_text("Am\xE9lie") == "Am\xC3\xA9lie");
  CHECK(id_text("-5.0") == "-5");
  IdColumn column = column_of({"a"});
  CHECK(message_of<ArgumentError>([&] { column.push_back(""); }) == "id 1, '', is empty, expected some text");
  CHECK_THAT(message_of<ArgumentError>([&] { column.push_back("a\nb"); }),
             ContainsSubstring("id 1, 'a\\x0ab', has a control character"));
  CHECK(column.size() == 1);
}

TEST_CASE("a header above a column of numbers is noticed") {
  CHECK(column_of({"user", "1", "2"}).begins_with_header());
  CHECK_FALSE(column_of({"1", "user", "2"}).begins_with_header());
  CHECK_FALSE(column_of({"user", "1", "x2"}).begins_with_header());
  CHECK_FALSE(column_of({"user"}).begins_with_header());
  CHECK_FALSE(column_of({"1", "2"}).begins_with_header());
}
