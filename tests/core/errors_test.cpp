// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/errors.hpp"

#include <locale>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

static_assert(std::is_base_of_v<std::runtime_error, Error>);
static_assert(std::is_base_of_v<Error, ShapeError> && std::is_base_of_v<Error, ArgumentError>);
static_assert(std::is_base_of_v<Error, DataError> && std::is_base_of_v<Error, NonFiniteError>);
static_assert(!std::is_base_of_v<ShapeError, ArgumentError> && !std::is_base_of_v<DataError, ArgumentError>);

namespace {

/// Writes 12345 as 12'345.
struct Grouped : std::numpunct<char> {
  char do_thousands_sep() const override { return '\''; }
  std::string do_grouping() const override { return "\3"; }
};

}  // namespace

TEST_CASE("concatenate writes parts one after another", "[core]") {
  CHECK(concatenate("item ", 7, " of ", index_t{-3}, ": ", 0.5) == "item 7 of -3: 0.5");
}

TEST_CASE("concatenate does not depend on the application's locale", "[core]") {
  const std::locale before = std::locale::global(std::locale(std::locale::classic(), new Grouped));
  const std::string text = concatenate(1234567, " ", 0.5);
  std::locale::global(before);
  CHECK(text == "1234567 0.5");
}

TEST_CASE("check_extent names op, extent and both values", "[core][errors]") {
  CHECK_NOTHROW(check_extent("linear", "columns of y", 4, 4));
  CHECK(message_of<ShapeError>([] { check_extent("linear", "columns of y", 3, 4); }) ==
        "linear: columns of y is 3, expected 4");
}

TEST_CASE("check_argument names argument, value and range", "[core][errors]") {
  CHECK_NOTHROW(check_argument(true, "width", 64, "at least 1"));
  CHECK(message_of<ArgumentError>([] { check_argument(false, "width", -64, "at least 1"); }) ==
        "width is -64, expected at least 1");
}
