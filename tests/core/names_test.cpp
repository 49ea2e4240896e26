// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/names.hpp"

#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("names are equal where every vocabulary is", "[core]") {
  const Vocabulary ids(std::vector<std::string>{"a", "b"});
  CHECK(Names{} == Names{});
  CHECK(Names{ids, {}, {}} == Names{ids, {}, {}});
  CHECK(Names{ids, {}, {}} != Names{});
  CHECK(Names{{}, ids, {}} != Names{{}, {}, ids});
}
