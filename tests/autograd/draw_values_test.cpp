// SPDX-License-Identifier: Apache-2.0
#include "seqrec/autograd/draw_values.hpp"

#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("each parameter is drawn from a stream of its own name", "[autograd]") {
  const auto entry = [](const char* name, index_t offset) {
    return ParameterEntry{name, {3}, Initialiser::normal(1), ParameterRole::weight, offset};
  };
  const auto both = detail::draw_values<double>({entry("a", 0), entry("b", 4)}, 8, 7);
  const auto alone = detail::draw_values<double>({entry("b", 0)}, 4, 7);
  CHECK(std::vector<double>(both.begin() + 4, both.end()) == alone);
  CHECK(both[0] != both[4]);
  CHECK(both[3] == 0);  // between parameters
  CHECK(detail::draw_values<double>({entry("b", 0)}, 4, 8) != alone);
}

TEST_CASE("a composed parameter begins with the values of another", "[autograd]") {
  const ParameterEntry source{"a", {2}, Initialiser::normal(1), ParameterRole::table, 1};
  const ParameterEntry composed{"z", {2}, Initialiser::constant(0), ParameterRole::composed, 4, "a"};
  const auto values = detail::draw_values<double>({source, composed}, 6, 7);
  CHECK(values[4] == values[1]);
  CHECK(values[5] == values[2]);
  CHECK(values[1] != 0);
}
