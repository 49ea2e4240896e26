// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/catalogue_product.cuh"

#include <cmath>
#include <random>
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

template <class T>
using Rows = MatrixView<const T, DeviceSpace>;

/// Scores of 16 kept rows for 32 walked ones, and twice the sums of the walked rows weighed by them: the second time
/// with the first halved, or negated in the lower eight rows.
template <class Terms, int Width, class T = typename Terms::Sum>
__global__ void multiply_walked(Rows<T> kept_of, index_t kept_row, Rows<T> walked, index_t walked_row_, T* out_scores,
                                T* out_sums) {
  T* const tile = dynamic_shared<T>();
  copy_walked_tile<Width>(tile, walked, walked_row_, 0);
  commit_copies();
  KeptRows<Terms, Width> kept;
  kept.read(kept_of, kept_row, 0);
  wait_for_copies<0>();
  __syncthreads();
  if (threadIdx.x >= warp_size) return;  // the others have helped to copy
  WalkedScores<T> scores = {};
  score_walked<Width>(scores, kept, tile);
  WalkedSums<T, Width> sums = {};
  for (int time = 0; time < 2; ++time) {
    const T factor[2] = {T(0.5), T(-1)};
    add_walked<Terms, Width>(sums, factor, scores, tile);
  }
  for (int i = 0; i < 4; ++i) {
    const int row = MmaSums<T>::row(i);
    for (int j = 0; j < 4; ++j) out_scores[row * walked_rows + walked_row(j, i)] = scores[j].values[i];
    for (int n = 0; n < Width / 8; ++n) out_sums[row * Width + walked_column(n, i)] = sums[n].values[i];
  }
}

template <class T>
struct Numbers {
  index_t rows, columns, stride, shift;  ///< shift: elements before the first, so that it is not aligned
  std::vector<T> values;
  DeviceVector<T> on_device;

  Numbers(index_t rows_, index_t columns_, index_t stride_, index_t shift_, unsigned seed)
      : rows(rows_), columns(columns_), stride(stride_), shift(shift_) {
    std::mt19937 random(seed);
    values.resize(static_cast<std::size_t>(shift + rows * stride));
    for (T& value : values) value = static_cast<T>(static_cast<double>(random()) * 0x1p-31 - 1);
    on_device = to_device(values);
  }
  Rows<T> view() { return {on_device.view().data + shift, rows, columns, stride}; }
  double at(index_t row, index_t column) const {
    if (row >= rows || column >= columns) return 0;
    return static_cast<double>(values[static_cast<std::size_t>(shift + row * stride + column)]);
  }
};

template <class Terms, int Width>
void check_products(index_t columns, index_t stride, index_t shift) {
  using T = typename Terms::Sum;
  CAPTURE(Width, columns, stride, shift);
  constexpr index_t kept_row = 3, walked_first = 5;  // of which the last are missing
  Numbers<T> kept(kept_row + 13, columns, stride, shift, 1), walked(walked_first + 27, columns, stride, shift, 2);
  constexpr int scores_count = kept_rows * walked_rows;
  const auto results = same_under_three_schedules([&] {
    DeviceVector<T> both(scores_count + kept_rows * Width);
    launch<multiply_walked<Terms, Width>>(DefaultStream{}, {1, 2 * warp_size, sizeof(T) * walked_elements<Width>},
                                          kept.view(), kept_row, walked.view(), walked_first, both.view().data,
                                          both.view().data + scores_count);
    return both.to_host();
  });
  const double most_off = std::is_same_v<T, float> ? 1e-6 : 1e-15;
  std::vector<double> scores(scores_count);
  for (int row = 0; row < kept_rows; ++row)
    for (int other = 0; other < walked_rows; ++other) {
      double sum = 0;
      for (index_t d = 0; d < columns; ++d)
        sum += read_by<Terms>(kept.at(kept_row + row, d)) * read_by<Terms>(walked.at(walked_first + other, d));
      const double found = static_cast<double>(results[static_cast<std::size_t>(row * walked_rows + other)]);
      scores[static_cast<std::size_t>(row * walked_rows + other)] = read_by<Terms>(found);
      REQUIRE(std::abs(found - sum) <= most_off * static_cast<double>(columns));
    }
  for (int row = 0; row < kept_rows; ++row)
    for (int column = 0; column < Width; ++column) {
      double sum = 0, sizes = 0;
      for (int other = 0; other < walked_rows; ++other) {
        const double term = scores[static_cast<std::size_t>(row * walked_rows + other)] *
                            read_by<Terms>(walked.at(walked_first + other, column));
        sum += term;
        sizes += std::abs(term);
      }
      sum *= 1 + (row < 8 ? 0.5 : -1.0);
      const double found = static_cast<double>(results[static_cast<std::size_t>(scores_count + row * Width + column)]);
      REQUIRE(std::abs(found - sum) <= most_off * (static_cast<double>(columns) + 4 * sizes));
    }
}

}  // namespace

TEST_CASE("products of a walk: rows of 16 bytes, rows that are not, and matrices that end", "[cuda]") {
  check_products<FloatTerms, 32>(32, 32, 0);
  check_products<FloatTerms, 64>(50, 51, 1);
  check_products<FloatTerms, 64>(38, 40, 0);  // a piece of which half exists
  check_products<FloatTerms, 128>(128, 132, 4);
  check_products<Bf16Terms, 32>(32, 32, 0);
  check_products<Bf16Terms, 64>(50, 51, 1);
  check_products<Bf16Terms, 128>(128, 132, 4);
  check_products<DoubleTerms, 32>(7, 9, 1);
  check_products<DoubleTerms, 64>(64, 64, 0);
}
