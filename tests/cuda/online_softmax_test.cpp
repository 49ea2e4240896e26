// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/online_softmax.cuh"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "cuda/device_support.hpp"

namespace {

using namespace seqrec_test;
using namespace seqrec::cuda;
using seqrec::index_t;

/// Of 32 rows of logits (32, 32 tiles): highest and sum of each, and the weighted sum of 1, 2, 3, ... that was taken on
/// the way.
template <class T>
__global__ void take_all(const T* logits, int tiles, T* out) {
  OnlineSoftmax<T> softmax[tile_share];
  T weighted[tile_share] = {};
  for (int tile = 0; tile < tiles; ++tile)
    for (int i = 0; i < tile_share; ++i) {
      T values[tile_share];
      for (int j = 0; j < tile_share; ++j)
        values[j] = logits[tile_row(i) * tiles * tile_size + tile * tile_size + tile_column(j)];
      const T factor = softmax[i].take(values);
      for (int j = 0; j < tile_share; ++j) values[j] *= static_cast<T>(tile * tile_size + tile_column(j) + 1);
      weighted[i] = weighted[i] * factor + reduce_row(values, Plus{});
    }
  for (int i = 0; i < tile_share && tile_x() == 0; ++i) {
    T* const row = out + 3 * tile_row(i);
    row[0] = softmax[i].highest;
    row[1] = softmax[i].sum;
    row[2] = weighted[i];
  }
}

}  // namespace

TEST_CASE("a softmax taken by tiles, whatever lies in which of them", "[cuda]") {
  constexpr int tiles = 3, columns = tiles * tile_size;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  std::vector<double> logits;
  for (int row = 0; row < tile_size; ++row)
    for (int column = 0; column < columns; ++column) logits.push_back((row * 13 + column * 29) % 31 - 15);
  const auto at = [&](int row, int column) -> double& {
    return logits[static_cast<std::size_t>(row * columns + column)];
  };
  at(0, 95) = 700;  // far above all others, in the last tile and in the first
  at(1, 0) = 700;
  for (int column = 0; column < 40; ++column) at(2, column) = -infinity;  // a whole tile is left out, and more
  for (int column = 30; column < columns; ++column) at(3, column) = -infinity;
  for (int column = 0; column < columns; ++column) at(4, column) = -infinity;
  at(5, 50) = std::nan("");
  const auto device_logits = to_device(logits);
  const std::vector<double> out = same_under_three_schedules([&] {
    DeviceVector<double> results(3 * tile_size);
    launch<take_all<double>>(DefaultStream{}, {1, tile_block()}, device_logits.view().data, tiles, results.view().data);
    return results.to_host();
  });
  for (int row = 0; row < tile_size; ++row) {
    CAPTURE(row);
    const double *const result = out.data() + 3 * row, *const first = &at(row, 0);
    if (row == 5) {
      CHECK(std::isnan(result[1]));
      continue;
    }
    const double highest = *std::max_element(first, first + columns);
    double sum = 0, weighted = 0;
    for (int column = 0; column < columns && row != 4; ++column) {
      sum += std::exp(first[column] - highest);
      weighted += std::exp(first[column] - highest) * (column + 1);
    }
    CHECK(result[0] == highest);
    CHECK(result[1] == Approx(sum).epsilon(1e-14));
    CHECK(result[2] == Approx(weighted).epsilon(1e-14));
  }
}
