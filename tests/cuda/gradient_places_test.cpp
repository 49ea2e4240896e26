// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/gradient_places.cuh"

#include <array>
#include <vector>

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
  CHECK(places.of_units == 80 * 64 + 48 * 80);  // sixteen units a job
  CHECK(places.of_output == places.of_units + 4 * 120);
  CHECK(places.sums == places.of_output + 2 * 41);
  CHECK(places.per_warp() == 16 * (68 + 84) + 4 * 120 + 2 * 41);
  for (const int l : {0, 1}) {
    CHECK(places.weight_stride(l) >= places.widths[l]);
    CHECK(places.weight_stride(l) % 16 == 8);
  }
}

TEST_CASE("each element of a weight has a place of its own among a block's sums", "[cuda]") {
  for (const auto& [units, inputs, tiles] : {std::array{80, 64, 4}, std::array{40, 80, 5}, std::array{7, 3, 4},
                                             std::array{33, 36, 5}, std::array{1, 90, 4}}) {
    CAPTURE(units, inputs);
    const cuda::WeightJobs jobs(units, inputs);
    CHECK(jobs.tiles == tiles);
    std::vector<int> times(static_cast<std::size_t>(units * inputs));
    for (int place = 0; place < jobs.sums(); ++place) {
      const auto at = jobs.element(place);
      if (at.unit < units && at.input < inputs) ++times[static_cast<std::size_t>(at.unit * inputs + at.input)];
    }
    CHECK(times == std::vector<int>(times.size(), 1));
    // Where a lane has its four.
    const auto at = jobs.element(jobs.place(jobs.count - 1, 1, 13) + 2);
    CHECK(at.unit == jobs.first_unit(jobs.count - 1) + 13 / 4 + 8);
    CHECK(at.input == jobs.first_input(jobs.count - 1) + 8 + 2 * (13 % 4));
  }
}
