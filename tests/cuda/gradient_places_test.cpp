// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/gradient_places.cuh"

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("what a block has summed of a network's gradients lies layer by layer, then by units, then by heads",
          "[cuda]") {
  AttentionUnit<cuda::BasicContext<float>> unit;
  unit.layers = 2;
  unit.hidden[0].weight.extents[0] = 80;
  unit.hidden[1].weight.extents[0] = 40;
  unit.weight.extents[0] = 2;
  const cuda::GradientPlaces places(unit, 64);
  CHECK(places.dweights[0] == 0);
  CHECK(places.dweights[1] == 80 * 64);
  CHECK(places.of_units == 80 * 64 + 40 * 80);
  CHECK(places.of_output == places.of_units + 4 * 120);
  CHECK(places.sums == places.of_output + 2 * 41);
  CHECK(places.per_warp() == 16 * (68 + 84) + 4 * 120 + 2 * 41);
  for (const int l : {0, 1}) {
    CHECK(places.weight_stride(l) >= places.widths[l]);
    CHECK(places.weight_stride(l) % 16 == 8);
  }
}
