// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/tile.cuh"

#include <vector>

#include "cuda/device_support.hpp"

namespace {

using namespace seqrec_test;
using namespace seqrec::cuda;
using seqrec::index_t;
using DeviceMatrix = seqrec::MatrixView<const double, seqrec::DeviceSpace>;

constexpr int wide = 64;

/// The tile at (row, column) of a matrix, as it lies in shared memory.
template <int Width>
__global__ void copy_tile(DeviceMatrix matrix, index_t row, index_t column, double* out) {
  double* const tile = dynamic_shared<double>();
  load_tile<Width>(tile, matrix, row, column);
  __syncthreads();
  for (int e = tile_thread(); e < tile_size * Width; e += tile_threads)
    out[e] = tile[e / Width * tile_stride<Width> + e % Width];
}

/// Of tiles a and b, 64 wide: the scores a b' of some columns, then scores b and scores' b of some of their rows.
template <int Width>
__global__ void multiply(DeviceMatrix a, DeviceMatrix b, int columns, int depth, double* scores_out, double* sums_out,
                         double* transposed_out) {
  double* const left = dynamic_shared<double>();
  double* const right = left + tile_elements<Width>;
  double* const tile = right + tile_elements<Width>;
  load_tile<Width>(left, a, 0, 0);
  load_tile<Width>(right, b, 0, 0);
  __syncthreads();
  TileScores<double> scores = {};
  multiply_rows<Width>(scores, left, right, columns);
  store_scores(tile, scores);
  __syncthreads();
  TileSums<double, Width> sums = {}, transposed = {};
  multiply_scores<Width>(sums, tile, right, depth);
  multiply_scores_transposed<Width>(transposed, tile, right, depth);
  for (int i = 0; i < tile_share; ++i) {
    for (int j = 0; j < tile_share; ++j) scores_out[tile_row(i) * tile_size + tile_column(j)] = scores[i][j];
    for (int j = 0; j < Width / tile_side; ++j) {
      sums_out[tile_row(i) * Width + tile_column(j)] = sums[i][j];
      transposed_out[tile_row(i) * Width + tile_column(j)] = transposed[i][j];
    }
  }
}

/// Whole numbers, whose products and sums are exact.
std::vector<double> numbers(index_t count, index_t step) {
  std::vector<double> values;
  for (index_t i = 0; i < count; ++i) values.push_back(static_cast<double>(i * step % 17 - 8));
  return values;
}

}  // namespace

TEST_CASE("a tile is loaded from anywhere in a matrix, with zeros behind its end", "[cuda]") {
  constexpr index_t rows = 40, columns = 21;
  const std::vector<double> values = numbers(rows * columns, 5);
  const auto matrix = to_device(values);
  for (const index_t row : {0, 8, 39})
    for (const index_t column : {0, 5, 16}) {
      CAPTURE(row, column);
      DeviceVector<double> out(tile_size * 16);
      launch<copy_tile<16>>(DefaultStream{}, {1, tile_block(), tile_elements<16> * sizeof(double)},
                            DeviceMatrix(matrix.view().data, rows, columns), row, column, out.view().data);
      const std::vector<double> tile = out.to_host();
      index_t wrong = 0;
      for (index_t i = 0; i < tile_size; ++i)
        for (index_t d = 0; d < 16; ++d) {
          const bool exists = row + i < rows && column + d < columns;
          const double expected = exists ? values[static_cast<std::size_t>((row + i) * columns + column + d)] : 0;
          wrong += tile[static_cast<std::size_t>(i * 16 + d)] != expected;
        }
      CHECK(wrong == 0);
    }
}

TEST_CASE("products of tiles, over all of their columns or rows and over some", "[cuda]") {
  const std::vector<double> a = numbers(tile_size * wide, 3), b = numbers(tile_size * wide, 7);
  const auto device_a = to_device(a), device_b = to_device(b);
  const auto at = [](const std::vector<double>& values, index_t row, index_t column, index_t columns) {
    return values[static_cast<std::size_t>(row * columns + column)];
  };
  for (const int columns : {wide, 5})
    for (const int depth : {tile_size, 3}) {
      CAPTURE(columns, depth);
      DeviceVector<double> scores_out(tile_size * tile_size), sums_out(tile_size * wide),
          transposed_out(tile_size * wide);
      const std::size_t bytes = (2 * tile_elements<wide> + tile_elements<tile_size>)*sizeof(double);
      launch<multiply<wide>>(DefaultStream{}, {1, tile_block(), bytes},
                             DeviceMatrix(device_a.view().data, tile_size, wide),
                             DeviceMatrix(device_b.view().data, tile_size, wide), columns, depth,
                             scores_out.view().data, sums_out.view().data, transposed_out.view().data);
      const auto scores = scores_out.to_host(), sums = sums_out.to_host(), transposed = transposed_out.to_host();
      index_t wrong = 0;
      for (index_t i = 0; i < tile_size; ++i) {
        for (index_t j = 0; j < tile_size; ++j) {
          double expected = 0;
          for (index_t d = 0; d < columns; ++d) expected += at(a, i, d, wide) * at(b, j, d, wide);
          wrong += at(scores, i, j, tile_size) != expected;
        }
        for (index_t d = 0; d < wide; ++d) {
          double expected = 0, expected_transposed = 0;
          for (index_t k = 0; k < depth; ++k) {
            expected += at(scores, i, k, tile_size) * at(b, k, d, wide);
            expected_transposed += at(scores, k, i, tile_size) * at(b, k, d, wide);
          }
          wrong += at(sums, i, d, wide) != expected;
          wrong += at(transposed, i, d, wide) != expected_transposed;
        }
      }
      CHECK(wrong == 0);
    }
}

TEST_CASE("the narrowest tile that holds a row, or the widest", "[cuda]") {
  const auto width_of = []<class A>(A, index_t width) {
    int chosen = 0;
    dispatch_tile_width<A>(width, [&]<int Width>() { chosen = Width; });
    return chosen;
  };
  for (const auto& [width, narrowest] : {std::pair{1, 16}, {16, 16}, {17, 32}, {33, 64}, {64, 64}}) {
    CHECK(width_of(1.0f, width) == narrowest);
    CHECK(width_of(1.0, width) == narrowest);
  }
  for (const index_t width : {65, 128, 1000}) {
    CHECK(width_of(1.0f, width) == 128);
    CHECK(width_of(1.0, width) == 64);
  }
}
