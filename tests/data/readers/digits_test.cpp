// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/readers/digits.hpp"

#include "support/catch.hpp"

using seqrec::detail::few_digits;

TEST_CASE("up to 18 digits are a number, nothing else is") {
  CHECK(few_digits("0") == 0);
  CHECK(few_digits("007") == 7);
  CHECK(few_digits("999999999999999999") == 999'999'999'999'999'999);
  for (const char* text : {"", "1000000000000000000", "-1", "+1", "1 ", "1.0", "x"}) CHECK(few_digits(text) == -1);
}
