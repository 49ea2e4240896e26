// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/network_places.cuh"

#include "support/catch.hpp"

using namespace seqrec;

namespace {

using Context = cuda::BasicContext<float>;

AttentionUnit<Context> unit_of(std::initializer_list<index_t> units, index_t heads) {
  AttentionUnit<Context> unit;
  for (const index_t count : units) unit.hidden[unit.layers++].weight.extents[0] = count;
  unit.weight.extents[0] = heads;
  return unit;
}

}  // namespace

TEST_CASE("a network's parts lie behind one another in shared memory, and warps behind them", "[cuda]") {
  const cuda::NetworkPlaces places(unit_of({80, 40}, 2), 64, false);
  CHECK(places.weights[0] == 0);
  CHECK(places.weights[1] == 80 * 68);
  CHECK(places.output == 80 * 68 + 40 * 84);
  CHECK(places.biases == places.output + 2 * 40);
  CHECK(places.of_warps == places.biases + 120 + 8);
  CHECK(places.per_warp == 16 * (68 + 84));
  CHECK(places.bytes<float>(3) == 120 * sizeof(cuda::UnitFunction<float>) +
                                      static_cast<std::size_t>(places.of_warps + 3 * places.per_warp) * sizeof(float));
}

TEST_CASE("keys stand behind products, where they go into a network", "[cuda]") {
  const cuda::NetworkPlaces places(unit_of({5}, 1), 6, true);
  CHECK(places.keys_at == 8);
  CHECK(places.widths[0] == 16);
  CHECK(places.weight_stride(0) == 20);
}

TEST_CASE("operands of a network are padded to whole tiles and lie in different banks", "[cuda]") {
  for (const int width : {1, 7, 8, 9, 50, 64}) {
    const int padded = cuda::whole_tiles(width), stride = cuda::NetworkPlaces::stride_of(width);
    CHECK((padded >= width && padded < width + 8 && padded % 8 == 0));
    CHECK((stride >= padded && stride % 8 == 4));
  }
}
