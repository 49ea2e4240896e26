// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/option_range.hpp"

#include <limits>

#include "support/catch.hpp"

using namespace seqrec;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("a range holds its ends or not, as it says", "[core]") {
  CHECK(in_range(1, 3).contains(1));
  CHECK(in_range(1, 3).contains(3));
  CHECK_FALSE(in_range(1, 3).contains(0));
  CHECK_FALSE(in_range(1, 3).contains(4));
  CHECK(at_least(2).contains(2));
  CHECK(at_least(2).contains(infinity));
  CHECK_FALSE(at_least(2).contains(1));
  for (const OptionRange& range : {probability(), below_one()}) {
    CHECK(range.contains(0));
    CHECK_FALSE(range.contains(1));
    CHECK_FALSE(range.contains(-0.1));
  }
  CHECK(share().contains(1));
  CHECK_FALSE(share().contains(0));
  CHECK(positive().contains(std::numeric_limits<double>::denorm_min()));
  CHECK_FALSE(positive().contains(0));
  CHECK(not_negative().contains(0));
  for (const OptionRange& range : {positive(), not_negative()}) {
    CHECK(range.contains(std::numeric_limits<double>::max()));
    CHECK_FALSE(range.contains(infinity));
  }
  CHECK(finite().contains(std::numeric_limits<double>::lowest()));
  CHECK_FALSE(finite().contains(-infinity));
  CHECK(number().contains(-infinity));
}

TEST_CASE("what is no number is in no range but the one of everything", "[core]") {
  for (const OptionRange& range :
       {at_least(0), in_range(0, 9), positive(), not_negative(), probability(), below_one(), fraction(), share()})
    CHECK_FALSE(range.contains(not_a_number));
  for (const OptionRange& range : {count(), finite(), number()}) CHECK_FALSE(range.contains(not_a_number));
  CHECK(any().contains(not_a_number));
  CHECK(any().contains(-infinity));
}

TEST_CASE("a range says in words what it holds", "[core]") {
  CHECK(in_range(1, 2147483647).words == "1 .. 2147483647");
  CHECK(at_least(0).words == "at least 0");
  CHECK(widths(1, 8).words == "at most 64 widths in 1 .. 8");
  CHECK(fraction().words == "a number from 0 to 1");
  CHECK(any().words.empty());
  CHECK(count().words == "0 .. 9007199254740992");
}
