// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/pair_inputs.cuh"

#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("elements are packed where addresses and rows are multiples of them", "[cuda]") {
  alignas(16) const float values[8] = {};
  CHECK(cuda::is_packed<4>(values, 8));
  CHECK_FALSE(cuda::is_packed<4>(values, 6));
  CHECK_FALSE(cuda::is_packed<4>(values + 2, 8));
  CHECK(cuda::is_packed<2>(values + 2, 6));
}
