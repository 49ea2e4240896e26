// SPDX-License-Identifier: Apache-2.0
#include "seqrec/serve/lending.hpp"

#include <set>

#include "seqrec/core/errors.hpp"
#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("what is lent is nobody else's, and comes back", "[serve]") {
  detail::Lending<int> lending;
  int made = 0;
  const auto make = [&] { return std::make_unique<int>(made++); };
  std::set<int*> outer, inner;
  for (int round = 0; round < 3; ++round)
    lending.with(make, [&](int& a) {
      outer.insert(&a);
      lending.with(make, [&](int& b) {
        CHECK(&a != &b);
        inner.insert(&b);
      });
    });
  CHECK(made == 2);  // as many as were in use at once
  CHECK((outer.size() <= 2 && inner.size() <= 2));
  lending.prepare(5, make);
  CHECK(made == 7);
  lending.with(make, [](int&) {});
  CHECK(made == 7);
}

TEST_CASE("what is lent comes back where its use throws", "[serve]") {
  detail::Lending<int> lending;
  int made = 0;
  const auto make = [&] { return std::make_unique<int>(made++); };
  for (int round = 0; round < 3; ++round)
    CHECK_THROWS_AS(lending.with(make, [](int&) { throw ArgumentError("no"); }), ArgumentError);
  CHECK(made == 1);
}
