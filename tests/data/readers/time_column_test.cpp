// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/time_column.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

TimeColumn column_of(std::initializer_list<std::string_view> texts) {
  TimeColumn column;
  for (const std::string_view text : texts) column.push_back(text);
  return column;
}

std::string description_of(const TimeColumn& column) { return column.description(column.units_a_second("x.csv")); }

}  // namespace

TEST_CASE("the unit is told by the greatest time of the column") {
  CHECK(description_of(column_of({"1609459200", "1"})) == "whole seconds from 1970-01-01 to 2021-01-01");
  CHECK(description_of(column_of({"1609459200.5"})) == "fractional seconds from 2021-01-01 to 2021-01-01");
  CHECK(description_of(column_of({"1609459200123"})) == "whole milliseconds from 2021-01-01 to 2021-01-01");
  CHECK(description_of(column_of({"1.609459200123e12"})) == "whole milliseconds from 2021-01-01 to 2021-01-01");
  CHECK(description_of(column_of({"1609459200123456"})) == "whole microseconds from 2021-01-01 to 2021-01-01");
  CHECK(description_of(column_of({"1609459200123456789", "0"})) == "whole nanoseconds from 1970-01-01 to 2021-01-01");
  CHECK(description_of(column_of({"1998-04-04", "1998-04-05T10:00Z"})) == "dates from 1998-04-04 to 1998-04-05");
  TimeColumn named = column_of({"99999999999"});
  named.name = "column ts";
  CHECK(description_of(named) == "column ts, whole seconds from 5138-11-16 to 5138-11-16");
  CHECK(column_of({"100000000000"}).units_a_second("") == 1000);
}

TEST_CASE("numbers keep their fractions, which order them") {
  const TimeColumn column = column_of({"5", "881250949.123456789", "8.8e8", "7.0000000019"});
  CHECK(column.whole(1) == 881250949);
  CHECK(column.billionths(0) == 0);
  CHECK(column.billionths(1) == 123456789);
  CHECK(column.whole(2) == 880000000);
  CHECK(column.billionths(3) == 1);
  TimeColumn numbers{3};
  numbers.push_back(-1.25);
  CHECK(numbers.whole(1) == -2);
  CHECK(numbers.billionths(1) == 750'000'000);
  CHECK(TimeColumn::seconds_of(-1500, 1000) == -2);
  CHECK(TimeColumn::seconds_of(-2000, 1000) == -2);
  CHECK(TimeColumn::seconds_of(1999, 1000) == 1);
}

TEST_CASE("two units, or two kinds, in one column are refused") {
  CHECK(message_of<DataError>([] {
          column_of({"1609459200123", "0", "1609459200"}).units_a_second("x.csv");
        }) ==
        "x.csv: the time of event 3 is 1609459200, but others are up to 1609459200123, which would be milliseconds; "
        "expected one unit, or the option time_unit");
  CHECK_THAT(message_of<ArgumentError>([] {
               column_of({"1998-04-04", "5"});
             }),
             ContainsSubstring("time 1, '5', which is a number, but the times before it are dates"));
  CHECK_THAT(message_of<ArgumentError>([] {
               column_of({"5", "1998-04-04"});
             }),
             ContainsSubstring("is a date, but the times before it are numbers"));
  for (const char* other : {"1609459200123456", "1609459200123", "1609459200"})
    CHECK_THAT(
        message_of<DataError>([&] {
          column_of({"1609459200123456789", other}).units_a_second("x.csv");
        }),
        ContainsSubstring(std::string(other) + ", but others are up to 1609459200123456789, which would be nano"));
  CHECK(TimeColumn().description(1) == "none");
  TimeColumn dates = column_of({"1998-04-04"});
  CHECK_THROWS_AS(dates.push_back(5), ArgumentError);
  CHECK_THROWS_AS(dates.push_back(5.0), ArgumentError);
}

TEST_CASE("a unit may be given where the magnitude misleads") {
  TimeColumn column = column_of({"1609459200123", "5"});
  column.unit = TimeUnit::seconds;
  CHECK(column.units_a_second("") == 1);
  column.unit = TimeUnit::nanoseconds;
  CHECK(description_of(column) == "whole nanoseconds from 1970-01-01 to 1970-01-01");
}

TEST_CASE("dates written as numbers are refused, not taken for seconds of 1970") {
  for (const auto& column : {column_of({"20210131", "19991231"}), column_of({"20210131235959"})})
    CHECK_THAT(message_of<DataError>([&] { column.units_a_second("x.csv"); }),
               ContainsSubstring("x.csv: times such as 20210131") && ContainsSubstring("look like dates"));
  CHECK(column_of({"20210131", "20210132"}).units_a_second("") == 1);
  TimeColumn numbers = column_of({"20210131"});
  numbers.unit = TimeUnit::seconds;
  CHECK(numbers.units_a_second("") == 1);
}

TEST_CASE("other text is refused with what is accepted and how to convert it") {
  for (const char* text :
       {"", "now", "04/04/1998", "nan", "inf", "1e300", "4 ", "0x1", ".5", "1.5.2", "99999999999999999999"})
    CHECK_THROWS_AS(column_of({text}), ArgumentError);
  CHECK_THAT(message_of<ArgumentError>([] { column_of({"04/04/1998"}); }),
             ContainsSubstring("time 0, '04/04/1998', expected a number of seconds, milliseconds") &&
                 ContainsSubstring("ISO 8601 date such as 1998-04-04") && ContainsSubstring("pd.to_datetime"));
  CHECK_THAT(message_of<ArgumentError>([] { column_of({"-1"}); }), ContainsSubstring("is below 0"));
  TimeColumn column;
  CHECK_THROWS_AS(column.push_back(std::numeric_limits<std::uint64_t>::max()), ArgumentError);
  CHECK_THROWS_AS(column.push_back(std::numeric_limits<double>::quiet_NaN()), ArgumentError);
  CHECK_THROWS_AS(column.push_back(1e19), ArgumentError);
  CHECK(column.empty());
}
