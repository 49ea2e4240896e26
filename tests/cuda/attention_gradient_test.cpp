// SPDX-License-Identifier: Apache-2.0
// The gradients are tested with the op; here is what they are made from.
#include "seqrec/cuda/attention_gradient.cuh"

#include <cmath>
#include <vector>

#include "cuda/device_support.hpp"

namespace {

using namespace seqrec_test;
using namespace seqrec::cuda;

constexpr int scores = mma_rows * passing_rows;

/// Numbers of a place in a warp's scores.
SEQREC_HOST_DEVICE inline double logit_of(int place) { return place % 13 * 0.25 - 1; }
SEQREC_HOST_DEVICE inline double gradient_of(int place) { return place % 7 * 0.5 - 1; }
SEQREC_HOST_DEVICE inline bool is_kept(int place) { return place % 3 != 0; }
SEQREC_HOST_DEVICE inline bool is_seen(int place) { return place % 5 != 0; }
SEQREC_HOST_DEVICE inline AttentionRow<double> row_of(int place) {
  return {2.0 + place % 2, 0.5 + place % 3, place % 4 * 0.125};
}

/// Weights, then gradients.
template <class T>
__global__ void write_gradients(AttentionFactors<T> factors, T* out) {
  const auto place = [](int n, int i) {
    return MmaSums<T>::row(i) * passing_rows + mma_columns * n + MmaSums<T>::column(i);
  };
  WarpScores<T> weights, gradients;
  unsigned kept = 0;
  for_each_score(weights, [&](T& weight, int n, int i) {
    weight = logit_of(place(n, i));
    gradients[n].values[i] = gradient_of(place(n, i));
    kept |= (is_kept(place(n, i)) ? 1u : 0u) << (4 * n + i);
  });
  differentiate(
      weights, gradients, factors, kept, [&](int n, int i) { return row_of(place(n, i)); },
      [&](int n, int i) {
        return Meeting{0, 0, is_seen(place(n, i))};
      });
  for_each_score(weights, [&](T& weight, int n, int i) {
    out[place(n, i)] = weight;
    out[scores + place(n, i)] = gradients[n].values[i];
  });
}

/// A tile of 40 rows of one matrix for the rows from 30 on of two others, walked to their end.
template <int Width, bool InParts>
__global__ void walk(seqrec::MatrixView<const float, seqrec::DeviceSpace> matrix, float* out) {
  constexpr int threads = attention_threads;
  float* const shared = dynamic_shared<float>();
  const TiledRows<float> rows(matrix);
  AttentionGradientTiles<FloatTerms, Width, 4, InParts, 0, passing_parts / 2, float> tiles(
      shared, {rows, rows}, {rows, rows}, 0, InParts ? Width : 0);
  int* const numbers = reinterpret_cast<int*>(shared + tiles.elements);  // the passing row of each of two times
  const auto with = [&](int row) {
    if (threadIdx.x == 0) numbers[row / passing_rows % 2] = row;
  };
  tiles.begin(0, with);
  const int held = static_cast<int>(threadIdx.x) / warp_size * mma_rows;
  for (int row = 0; row < rows.rows; row += passing_rows) {
    WarpScores<float> products = {}, others = {};
    const int next = row + passing_rows < rows.rows ? row + passing_rows : -1;
    tiles.multiply(products, others, held, row, next, held < rows.rows, row == 0, with);
    for_each_score(products, [&](float& product, int n, int i) {
      const int this_row = held + MmaSums<float>::row(i), other = row + mma_columns * n + MmaSums<float>::column(i);
      if (this_row < rows.rows && other < rows.rows)
        out[this_row * rows.rows + other] = product == others[n].values[i] ? product : -1;
    });
    // What the last products are made with: the block's columns of the passing rows.
    for (int e = static_cast<int>(threadIdx.x); e < passing_rows * Width; e += threads) {
      const int column = (InParts ? Width : 0) + e % Width, other = row + e / Width;
      const float expected = other < rows.rows && column < rows.columns ? matrix(other, column) : 0;
      for (int i = 0; i < 2; ++i)
        if (tiles.passing(i)[tile_place<Width>(e / Width, e % Width / 4) + e % 4] != expected) out[0] = -2;
    }
    if (numbers[row / passing_rows % 2] != row) out[0] = -3;
  }
}

template <int Width, bool InParts>
void check_walk(int columns) {
  constexpr int rows = 50;
  std::vector<float> values;
  for (int e = 0; e < rows * columns; ++e) values.push_back(static_cast<float>(e * 7 % 5));
  const auto matrix = to_device(values);
  const auto products = same_under_three_schedules([&] {
    DeviceVector<float> out(rows * rows);
    constexpr std::size_t elements = (2 * attention_rows + 4 * passing_rows) * Width + 2;
    launch<walk<Width, InParts>>(
        DefaultStream{}, {1, attention_threads, elements * sizeof(float)},
        seqrec::MatrixView<const float, seqrec::DeviceSpace>(matrix.view().data, rows, columns), out.view().data);
    return out.to_host();
  });
  int wrong = 0;
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < rows; ++j) {
      float expected = 0;
      for (int d = 0; d < columns; ++d)
        expected +=
            values[static_cast<std::size_t>(i * columns + d)] * values[static_cast<std::size_t>(j * columns + d)];
      if (j >= 48) expected = 0;  // of the second tile half the parts are asked for
      wrong += products[static_cast<std::size_t>(i * rows + j)] != expected;
    }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("attention on CUDA: logits become weights, the gradients of weights those of logits", "[cuda]") {
  for (const bool silu : {false, true}) {
    CAPTURE(silu);
    const AttentionFactors<double> factors{1, 0.125, 2, silu};
    DeviceVector<double> out(2 * scores);
    launch<write_gradients<double>>(DefaultStream{}, {1, warp_size}, factors, out.view().data);
    const std::vector<double> made = out.to_host();
    for (int place = 0; place < scores; ++place) {
      const double x = logit_of(place), factor = is_kept(place) ? 2 : 0, open = 1 / (1 + std::exp(-x));
      const AttentionRow<double> row = row_of(place);
      double weight = 0, gradient = 0;
      if (is_seen(place) && silu) {
        weight = x * open / 8 * factor;
        gradient = gradient_of(place) * (open + x * open * (1 - open)) / 8 * factor;
      } else if (is_seen(place)) {
        const double probability = std::exp(x - row.highest) * row.share;
        weight = probability * factor;
        gradient = probability * (gradient_of(place) * factor - row.mean);
      }
      CAPTURE(place);
      REQUIRE(made[static_cast<std::size_t>(place)] == Approx(weight).epsilon(1e-13));
      REQUIRE(made[static_cast<std::size_t>(scores + place)] == Approx(gradient).epsilon(1e-13));
    }
  }
}

TEST_CASE("attention on CUDA: all passing rows meet all held ones, whole or in parts", "[cuda]") {
  check_walk<32, false>(30);
  check_walk<32, true>(70);
}
