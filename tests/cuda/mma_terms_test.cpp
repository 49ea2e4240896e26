// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/mma_terms.cuh"

#include <cmath>
#include <vector>

#include "cuda/device_support.hpp"
#include "cuda/terms_support.hpp"
#include "seqrec/cuda/launch.cuh"
#include "support/tensors.hpp"

namespace {

using namespace seqrec_test;
using namespace seqrec::cuda;
using seqrec::index_t;

constexpr int terms = 8, tiles = 3;

/// C_n (16, 8) = A (16, 8) B_n (8, 8), each element of A and B where a lane is said to have it.
template <class Terms, class T>
__global__ void multiply(const T* a, const T* b, FirstPart part, T* c) {
  const int g = mma_group(), m = mma_member();
  const auto left = [&](int row, int term) { return a[row * terms + term]; };
  const typename Terms::Left of_a(left(g, m), left(g, m + 4), left(g + 8, m), left(g + 8, m + 4));
  typename Terms::Right of_b[tiles];
  for (int n = 0; n < tiles; ++n) {
    const auto right = [&](int term) { return b[term * tiles * mma_columns + n * mma_columns + g]; };
    of_b[n] = {right(m), right(m + 4), part};
  }
  MmaSums<T> sums[tiles];
  multiply_by_each<Terms>(sums, of_a, of_b);
  for (int n = 0; n < tiles; ++n)
    for (int i = 0; i < 4; ++i)
      c[(MmaSums<T>::row(i) * tiles + n) * mma_columns + MmaSums<T>::column(i)] = sums[n].values[i];
}

/// @param most_off  by how much of the sum of |a| |b|, as the terms read them, a result may differ
template <class Terms>
void check_products(double most_off) {
  using T = typename Terms::Sum;
  const Matrix a = random_matrix(mma_rows, terms, 1), b = random_matrix(terms, tiles * mma_columns, 2);
  const auto on_device = [](const Matrix& of) { return to_device(std::vector<T>(of.values.begin(), of.values.end())); };
  const auto left = on_device(a), right = on_device(b);
  for (const FirstPart part : {FirstPart::rounded, FirstPart::cut, FirstPart::as_it_is}) {
    CAPTURE(static_cast<int>(part));
    const std::vector<T> c = same_under_three_schedules([&] {
      DeviceVector<T> products(mma_rows * tiles * mma_columns);
      launch<multiply<Terms, T>>(DefaultStream{}, {1, warp_size}, left.view().data, right.view().data, part,
                                 products.view().data);
      return products.to_host();
    });
    for (index_t i = 0; i < a.rows; ++i)
      for (index_t j = 0; j < b.columns; ++j) {
        double sum = 0, sizes = 0;
        for (index_t k = 0; k < terms; ++k) {
          const double product = read_by<Terms>(static_cast<double>(static_cast<T>(a(i, k)))) *
                                 read_by<Terms>(static_cast<double>(static_cast<T>(b(k, j))));
          sum += product;
          sizes += std::abs(product);
        }
        REQUIRE(std::abs(static_cast<double>(c[static_cast<std::size_t>(i * b.columns + j)]) - sum) <=
                most_off * sizes);
      }
  }
}

}  // namespace

TEST_CASE("eight terms lie where products look for them, however they are taken apart or rounded", "[cuda]") {
  check_products<FloatTerms>(0x1p-20);
  check_products<Bf16Terms>(0x1p-22);
  check_products<DoubleTerms>(0x1p-50);
}
