// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/tokens.hpp"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

namespace {

using Numbers = std::vector<std::int64_t>;
using Names = std::vector<std::string>;

TokenColumn column_of(std::initializer_list<const char*> tokens) {
  TokenColumn column;
  for (const char* token : tokens) column.add(token);
  return column;
}

}  // namespace

TEST_CASE("a column of whole numbers keeps them") {
  TokenColumn column = column_of({"30", "0", "7", "9223372036854775807", "30"});
  CHECK(column.names().empty());
  CHECK(column.find("7") == 7);
  CHECK_FALSE(column.find("seven"));
  CHECK(column.take_values() == Numbers{30, 0, 7, 9223372036854775807, 30});
}

TEST_CASE("with one other token all become names in order of first appearance") {
  TokenColumn column = column_of({"30", "7", "30", "B00X", "7", "30"});
  CHECK(column.names() == Names{"30", "7", "B00X"});
  CHECK(column.find("7") == 1);
  CHECK(column.find("B00X") == 2);
  CHECK_FALSE(column.find("8"));
  CHECK(column.take_values() == Numbers{0, 1, 0, 2, 1, 0});
}

TEST_CASE("what is not written as numbers are is a name") {
  // Else "7" and "007" would be one user.
  for (const char* token : {"007", "-1", "+1", "-0", "1.0", "1e3", " 1", "1 ", "9223372036854775808", "", "x"})
    CHECK(column_of({token}).names() == Names{token});
}
