// SPDX-License-Identifier: Apache-2.0
#include "seqrec/train/host_weights.hpp"

#include <vector>

#include "seqrec/cpu.hpp"
#include "seqrec/models/sasrec.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using Model = SasRec<cpu::Context>;

TEST_CASE("weights go to the host and back, as they lie in the store", "[train]") {
  Model model({.items = 7, .width = 4, .blocks = 1, .max_length = 5, .seed = 1});
  auto& parameters = model.parameters();
  std::vector<float> weights;
  copy_weights(parameters, weights);
  REQUIRE(std::ssize(weights) == parameters.size());
  for (const auto& entry : parameters.entries())
    for (index_t i = 0; i < entry.size(); ++i)
      CHECK(weights[static_cast<std::size_t>(entry.offset + i)] == parameters.values(entry)(i));
  for (float& weight : weights) weight += 1;
  put_weights(parameters, weights);
  std::vector<float> again;
  copy_weights(parameters, again);
  CHECK(again == weights);
  weights.pop_back();
  CHECK_THROWS_AS(put_weights(parameters, weights), ShapeError);
}
