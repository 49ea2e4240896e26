// SPDX-License-Identifier: Apache-2.0
// Walks are tested with the op; here is how the work is cut.
#include "seqrec/cuda/catalogue_tile.cuh"

#include "support/catch.hpp"

using namespace seqrec;
using namespace seqrec::cuda;

TEST_CASE("catalogue on CUDA: parts cover everything once, and are few", "[cuda]") {
  for (const index_t from : {1, 7, 300, 5000})
    for (const index_t count : {1, 32, 33, 300, 3416, 1'000'000}) {
      CAPTURE(from, count);
      const CatalogueParts parts(from, (count + walked_rows - 1) / walked_rows);
      index_t end = 0;
      for (index_t part = 0; part < parts.parts; ++part) {
        CHECK(parts.begin(part) == end);
        end = parts.end(part, count);
        CHECK(end > parts.begin(part));
      }
      CHECK(end == count);
      CHECK((parts.parts == 1 || parts.parts * from <= catalogue_waves * catalogue_wave));
      CHECK((parts.parts == 1 || parts.tiles_of_each >= fewest_tiles_of_part));
    }
  CHECK(CatalogueParts(1, 32).parts == 8);
  CHECK(CatalogueParts(210, 107).parts == 5);  // 1050 blocks fill four waves, where 420 would half fill two
  CHECK(CatalogueParts(54, 420).parts == 14);
  CHECK(CatalogueParts(1, 0).parts == 1);
}
