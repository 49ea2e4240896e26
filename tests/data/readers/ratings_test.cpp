// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/ratings.hpp"

#include <limits>
#include <string>

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::message_of;

TEST_CASE("scales are read, and anything else is named") {
  const RatingScale stars = RatingScale::parse("0.5..5:0.5");
  for (const double rating : {0.5, 1.0, 4.5, 5.0}) CHECK(stars.holds(rating));
  for (const double rating : {0.0, 0.75, 5.5}) CHECK_FALSE(stars.holds(rating));
  CHECK(stars.words() == "a number from 0.5 to 5 in steps of 0.5");
  const RatingScale jester = RatingScale::parse("-10..10");
  CHECK(jester.holds(-9.87));
  CHECK_FALSE(jester.holds(10.1));
  CHECK(RatingScale::parse("any").holds(-1e9));
  CHECK(RatingScale::parse("0..1:0.1").holds(0.3));
  for (const char* text : {"", "5", "1-5", "5..1", "1..5:", "1..5:0", "1..x", "..", "1..inf"})
    CHECK_THAT(message_of<ArgumentError>([&] { RatingScale::parse(text); }),
               ContainsSubstring("rating_scale is '" + std::string(text) + "', expected two numbers as 1..10"));
}

TEST_CASE("ratings are checked, and those below the threshold counted") {
  const seqrec_test::TemporaryDirectory folder;
  seqrec_test::write_file(folder / "ratings", "5\n3.5\n3\n0.5\n1e0\n2.50\n7\n-1\nnan\n\n");
  TextFile file(folder / "ratings");
  detail::RatingFilter filter({.least_rating = 3.5}, "0.5..5:0.5");
  CHECK(filter.has_threshold());
  for (const bool kept : {true, true, false, false, false, false}) {
    REQUIRE(file.next());
    CHECK(filter.keeps(file, file.line()) == kept);
    CHECK(filter.last() == std::stof(std::string(file.line())));
  }
  CHECK(filter.note() == "4 events rated below 3.5 left out");
  for (const char* shown : {"'7'", "'-1'", "'nan'", "''"}) {
    REQUIRE(file.next());
    CHECK_THAT(message_of<DataError>([&] { filter.keeps(file, file.line()); }),
               ContainsSubstring(std::string("rating is ") + shown + ", expected a number from 0.5 to 5"));
  }
  CHECK(detail::RatingFilter({}, "any").note().empty());
  seqrec_test::write_file(folder / "large", "3e38\n4e38\n");
  TextFile large(folder / "large");
  detail::RatingFilter any({}, "any");
  REQUIRE(large.next());
  CHECK(any.keeps(large, large.line()));
  CHECK(any.last() == 3e38F);
  REQUIRE(large.next());
  CHECK_THAT(message_of<DataError>([&] { any.keeps(large, large.line()); }),
             ContainsSubstring("rating is '4e38', expected a finite number that a float holds"));
}

TEST_CASE("a scale that says only where it begins has no end") {
  const RatingScale scale{.least = 1};
  CHECK(scale.greatest == static_cast<double>(std::numeric_limits<float>::max()));
}
