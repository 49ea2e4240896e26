// SPDX-License-Identifier: Apache-2.0
#include "seqrec/optim/algorithm.hpp"

#include <string>

#include "seqrec/core/option_text.hpp"
#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("one call serves an algorithm, whether chosen at run time or by type", "[optim]") {
  const auto name = [](const auto& chosen) { return std::string(chosen.name); };
  CHECK(visit_algorithm(Algorithm{Adam{}}, name) == name(Adam{}));
  CHECK(visit_algorithm(Algorithm{Sgd{}}, name) == name(Sgd{}));
  CHECK(visit_algorithm(Algorithm{Adagrad{}}, name) == name(Adagrad{}));
  CHECK(visit_algorithm(Sgd{}, name) == name(Sgd{}));
  CHECK(name(Adam{}) != name(Sgd{}));
  CHECK(name(Sgd{}) != name(Adagrad{}));
}

TEST_CASE("which rows of a table a step moves has a name", "[optim]") {
  CHECK(option_text(TableRows::dense) == "dense");
  CHECK(option_text(TableRows::lazy) == "lazy");
}
