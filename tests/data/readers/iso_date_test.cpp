// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/iso_date.hpp"

#include <cstdint>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("ISO 8601 dates are read, with a time of day, a fraction and an offset or not") {
  const auto seconds = [](const char* text) {
    const auto instant = parse_iso_date(text);
    REQUIRE(instant);
    return instant->seconds;
  };
  CHECK(seconds("1970-01-01") == 0);
  CHECK(seconds("1998-04-04") == 891648000);
  CHECK(seconds("1969-12-31") == -86400);
  CHECK(seconds("2000-02-29") == 951782400);
  for (const char* noon : {"1998-04-04T12:30:00Z", "1998-04-04 12:30:00", "1998-04-04t12:30z", "1998-04-04T12:30",
                           "1998-04-04 12:30:00 UTC", "1998-04-04 12:30:00+00:00", "1998-04-04T14:30:00+02:00",
                           "1998-04-04T14:30:00+0200", "1998-04-04T14:30:00+02", "1998-04-04T08:00:00-04:30"})
    CHECK(seconds(noon) == 891648000 + 45000);
  CHECK(parse_iso_date("1998-04-04T12:30:00.25Z")->billionths == 250'000'000);
  CHECK(parse_iso_date("1998-04-04 12:30:00,000000001")->billionths == 1);
  CHECK(parse_iso_date("1998-04-04 12:30:00.1234567899")->billionths == 123'456'789);
}

TEST_CASE("other text is no date") {
  for (const char* text : {"",
                           "1998",
                           "1998-04",
                           "1998-4-4",
                           "98-04-04",
                           "04/04/1998",
                           "1998-13-01",
                           "1998-02-29",
                           "1998-04-31",
                           "1998-04-00",
                           "1998-04-04T",
                           "1998-04-04 ",
                           "1998-04-04T12",
                           "1998-04-04T24:00:00",
                           "1998-04-04T12:60",
                           "1998-04-04T12:30:60",
                           "1998-04-04T12:30:00.",
                           "1998-04-04T12:30:00X",
                           "1998-04-04T12:30:00+",
                           "1998-04-04T12:30:00+2",
                           "1998-04-04T12:30:00+25:00",
                           "1998-04-04T12:30:00 ",
                           "1998-04-04T12:30:00ZZ",
                           " 1998-04-04",
                           "+998-04-04"})
    CHECK_FALSE(parse_iso_date(text));
}

TEST_CASE("days are written back") {
  CHECK(day_text(0) == "1970-01-01");
  CHECK(day_text(-1) == "1969-12-31");
  CHECK(day_text(891648000 + 86399) == "1998-04-04");
  CHECK(day_text(-62167219200) == "0000-01-01");
  CHECK(day_text(253402300799) == "9999-12-31");
  CHECK(day_text(253402300800).empty());
  CHECK(day_text(INT64_MIN).empty());
}
