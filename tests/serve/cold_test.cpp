// SPDX-License-Identifier: Apache-2.0
#include "seqrec/serve/cold.hpp"

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("a cold user alone is refused with what to offer instead", "[serve]") {
  CHECK_NOTHROW(detail::refuse_cold("score", false));
  const auto message = [](std::size_t ids) {
    return seqrec_test::message_of<ArgumentError>([&] { detail::refuse_cold("score", true, ids); });
  };
  CHECK_THAT(message(0), ContainsSubstring("score: the history is empty") && ContainsSubstring("Popularity"));
  CHECK_THAT(message(3), ContainsSubstring("none of the history's 3 ids") && ContainsSubstring("Popularity"));
}
