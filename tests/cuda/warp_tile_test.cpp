// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/warp_tile.cuh"

#include <vector>

#include "cuda/device_support.hpp"
#include "cuda/terms_support.hpp"
#include "seqrec/cuda/launch.cuh"

namespace {

using namespace seqrec_test;
using namespace seqrec::cuda;
using seqrec::DeviceSpace;
using seqrec::index_t;
using seqrec::MatrixView;

constexpr int warps = 2, held_rows = warps * mma_rows, threads = warps * warp_size;

/// Whole numbers, whose products and sums are exact.
template <class T>
std::vector<T> numbers(index_t count, index_t step) {
  std::vector<T> values;
  for (index_t i = 0; i < count; ++i) values.push_back(static_cast<T>(i * step % 17 - 8));
  return values;
}

template <class T>
double at(const std::vector<T>& values, index_t row, index_t column, index_t columns) {
  return static_cast<double>(values[static_cast<std::size_t>(row * columns + column)]);
}

/// The tile at (row, column) of a matrix.
template <int Width, int Bytes, class T>
__global__ void copy_out(MatrixView<const T, DeviceSpace> matrix, int row, int column, T* out) {
  T* const tile = dynamic_shared<T>();
  copy_tile<Width, passing_rows, threads, Bytes>(tile, TiledRows<T>(matrix), row, column);
  commit_copies();
  wait_for_copies<0>();
  __syncthreads();
  for (int e = static_cast<int>(threadIdx.x); e < passing_rows * Width; e += threads) {
    const int place = tile_place<Width>(e / Width, e % Width / 4) + e % 4;
    out[e] = tile[place];
  }
}

template <int Width, int Bytes, class T>
void check_copies(index_t stride) {
  constexpr index_t rows = 40, columns = 37;
  const std::vector<T> values = numbers<T>(rows * stride, 5);
  const auto matrix = to_device(values);
  for (const int row : {0, 8, 39})
    for (const int column : {0, 32, 36}) {
      CAPTURE(Width, Bytes, row, column);
      DeviceVector<T> out(passing_rows * Width);
      launch<copy_out<Width, Bytes, T>>(DefaultStream{}, {1, threads, passing_rows * Width * sizeof(T)},
                                        MatrixView<const T, DeviceSpace>(matrix.view().data, rows, columns, stride),
                                        row, column, out.view().data);
      const std::vector<T> tile = out.to_host();
      index_t wrong = 0;
      for (index_t i = 0; i < passing_rows; ++i)
        for (index_t d = 0; d < Width; ++d)
          wrong += at(tile, i, d, Width) !=
                   (row + i < rows && column + d < columns ? at(values, row + i, column + d, stride) : 0);
      CHECK(wrong == 0);
    }
}

/// Scores of the rows of a for those of b, halved and once more for the later half of b; then their products with the
/// rows 8 begin .. 8 end - 1 of b, added to 2 (rows 0 .. 7 of 16) or 3 (the others) in all elements.
template <class Terms, int Width, class T>
__global__ void multiply(MatrixView<const T, DeviceSpace> a, MatrixView<const T, DeviceSpace> b, int begin, int end,
                         T* scores_out, MatrixView<T, DeviceSpace> sums_out) {
  constexpr int element = static_cast<int>(sizeof(T));
  T* const held = dynamic_shared<T>();
  T* const passing = held + held_rows * Width;
  copy_tile<Width, held_rows, threads, element>(held, TiledRows<T>(a), 0, 0);
  copy_tile<Width, passing_rows, threads, element>(passing, TiledRows<T>(b), 0, 0);
  commit_copies();
  wait_for_copies<0>();
  __syncthreads();
  const int row = static_cast<int>(threadIdx.x) / warp_size * mma_rows;
  WarpScores<T> scores = {};
  multiply_rows<Terms, Width>(scores, held + row * Width, passing);
  multiply_rows<Terms, Width, passing_parts / 2, passing_parts>(scores, held + row * Width, passing);
  for (int n = 0; n < passing_parts; ++n)
    for (int i = 0; i < 4; ++i)
      scores_out[(row + MmaSums<T>::row(i)) * passing_rows + mma_columns * n + MmaSums<T>::column(i)] =
          scores[n].values[i];
  WarpSums<T, Width> sums = {};
  for (MmaSums<T>& part : sums)
    for (T& sum : part.values) sum = 1;
  add_weighted_rows<Terms, Width>(sums, T{2}, T{3}, scores, passing, begin, end);
  for (int block = 0; block < Width / passing_rows; ++block)
    for (int i = 0; i < 4; ++i) {
      Four<T> four;
      for (int e = 0; e < 4; ++e) four.of[e] = sums[4 * block + e].values[i];
      leave_four<false>(sums_out, row + MmaSums<T>::row(i), output_column(block, i), four);
    }
}

template <class Terms, int Width>
void check_products(index_t columns) {
  using T = typename Terms::Sum;
  const std::vector<T> a = numbers<T>(held_rows * columns, 3), b = numbers<T>(passing_rows * columns, 7);
  const auto device_a = to_device(a), device_b = to_device(b);
  for (const auto& [begin, end] : {std::pair{0, 4}, {1, 3}}) {
    CAPTURE(Width, columns, begin, end);
    DeviceVector<T> scores_out(held_rows * passing_rows), sums_out(held_rows * columns);
    launch<multiply<Terms, Width, T>>(DefaultStream{}, {1, threads, (held_rows + passing_rows) * Width * sizeof(T)},
                                      MatrixView<const T, DeviceSpace>(device_a.view().data, held_rows, columns),
                                      MatrixView<const T, DeviceSpace>(device_b.view().data, passing_rows, columns),
                                      begin, end, scores_out.view().data,
                                      MatrixView<T, DeviceSpace>(sums_out.view().data, held_rows, columns));
    const auto scores = scores_out.to_host(), sums = sums_out.to_host();
    index_t wrong = 0;
    for (index_t i = 0; i < held_rows; ++i) {
      for (index_t j = 0; j < passing_rows; ++j) {
        double expected = 0;
        for (index_t d = 0; d < columns; ++d) expected += at(a, i, d, columns) * at(b, j, d, columns);
        wrong += at(scores, i, j, passing_rows) != expected * (j < passing_rows / 2 ? 1 : 2);
      }
      for (index_t d = 0; d < columns; ++d) {
        double expected = i % 16 < 8 ? 2 : 3;
        for (index_t j = 8 * begin; j < 8 * end; ++j)
          expected += read_by<Terms>(at(scores, i, j, passing_rows)) * at(b, j, d, columns);
        wrong += at(sums, i, d, columns) != expected;
      }
    }
    CHECK(wrong == 0);
  }
}

/// Leaves or adds four numbers at every fourth column of a row.
template <bool InFours>
__global__ void leave_row(MatrixView<float, DeviceSpace> matrix, bool adds) {
  for (index_t column = 0; column < matrix.columns(); column += 4)
    leave_four<InFours>(matrix, 1, column, Four<float>{{1, 2, 3, 4}}, adds);
}

}  // namespace

TEST_CASE("a warp's tile arrives from anywhere in a matrix, with zeros behind its end", "[cuda]") {
  check_copies<32, 16, float>(40);
  check_copies<32, 4, float>(37);
  check_copies<64, 16, float>(40);
  check_copies<64, 4, float>(39);
  check_copies<128, 4, float>(39);
  check_copies<32, 16, double>(38);
  check_copies<64, 8, double>(37);
}

TEST_CASE("a warp multiplies tiles: every element lies where the next product looks for it", "[cuda]") {
  check_products<FloatTerms, 32>(32);
  check_products<FloatTerms, 64>(57);
  check_products<FloatTerms, 128>(128);
  check_products<Bf16Terms, 32>(32);
  check_products<Bf16Terms, 64>(57);
  check_products<Bf16Terms, 128>(128);
  check_products<DoubleTerms, 32>(13);
  check_products<DoubleTerms, 64>(64);
}

TEST_CASE("what can be copied in fours: whose rows and parts begin on multiples of 16 bytes", "[cuda]") {
  alignas(16) float values[16];
  const auto lies = [&](index_t first, index_t stride, index_t width) {
    return lies_in_fours(MatrixView<float, seqrec::HostSpace>(values + first, 2, 4, stride), width);
  };
  CHECK(lies(0, 8, 4));
  CHECK(lies(4, 4, 4));
  CHECK_FALSE(lies(2, 8, 4));
  CHECK_FALSE(lies(0, 6, 4));
  CHECK_FALSE(lies(0, 8, 2));
}

TEST_CASE("four numbers are left or added, as far as a row goes", "[cuda]") {
  const auto check = [](auto leave, index_t columns, index_t stride) {
    auto memory = to_device(std::vector<float>(static_cast<std::size_t>(2 * stride), 10));
    const MatrixView<float, DeviceSpace> matrix(memory.view().data, 2, columns, stride);
    for (const bool adds : {false, true}) {
      leave(matrix, adds);
      const std::vector<float> values = memory.to_host();
      for (index_t d = 0; d < stride; ++d) {
        const float left = static_cast<float>(1 + d % 4);
        CHECK(at(values, 0, d, stride) == 10.0);
        CHECK(at(values, 1, d, stride) == static_cast<double>(d >= columns ? 10 : adds ? 2 * left : left));
      }
    }
  };
  const auto in_fours = [](auto matrix, bool adds) { launch<leave_row<true>>(DefaultStream{}, {1, 1}, matrix, adds); };
  const auto one_by_one = [](auto matrix, bool adds) {
    launch<leave_row<false>>(DefaultStream{}, {1, 1}, matrix, adds);
  };
  check(in_fours, 8, 12);
  check(in_fours, 6, 8);
  check(one_by_one, 7, 7);
}
