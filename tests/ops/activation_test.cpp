// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/activation.hpp"

#include <string>

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("activations have the names that checkpoints and options know", "[ops]") {
  CHECK(std::string(name_of(Activation::none)) == "none");
  CHECK(std::string(name_of(Activation::relu)) == "relu");
  CHECK(std::string(name_of(Activation::sigmoid)) == "sigmoid");
  CHECK(std::string(name_of(Activation::tanh)) == "tanh");
  CHECK(std::string(name_of(Activation::prelu)) == "prelu");
  CHECK(std::string(name_of(Activation::dice)) == "dice");
}

TEST_CASE("only PReLU and Dice learn a slope", "[ops]") {
  for (const Activation f : {Activation::none, Activation::relu, Activation::sigmoid, Activation::tanh})
    CHECK_FALSE(has_slope(f));
  for (const Activation f : {Activation::prelu, Activation::dice}) CHECK(has_slope(f));
}
