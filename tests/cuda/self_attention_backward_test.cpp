// SPDX-License-Identifier: Apache-2.0
// The gradients are tested with the op; here is what they are made from.
#include "seqrec/cuda/self_attention_backward.cuh"

#include <cmath>
#include <vector>

#include "cuda/device_support.hpp"
#include "seqrec/cuda/self_attention.cuh"
#include "support/tensors.hpp"

namespace {

using namespace seqrec_test;
using namespace seqrec::cuda;
using seqrec::index_t;
using Doubles = BasicContext<double>;

/// The means of rows of a head, by one warp.
template <bool InFours, class S>
__global__ void write_means(seqrec::MatrixView<const S, seqrec::DeviceSpace> y,
                            seqrec::MatrixView<const S, seqrec::DeviceSpace> dy, S* means) {
  for (int i = 0; i < 4; i += 2) {
    const int row = MmaSums<S>::row(i);
    const S mean = gradient_mean<InFours>(y, dy, row, row < y.rows());
    if (row < y.rows() && mma_member() == 0) means[row] = mean;
  }
}

template <bool InFours, class Context>
void check_means(index_t width, Layout layout, double most_off) {
  using S = typename Context::Scalar;
  constexpr index_t rows = 13;
  const Matrix y = random_matrix(rows, width, 1), dy = random_matrix(rows, width, 2);
  PlacedScalars<Context> placed_y(y, layout), placed_dy(dy, layout);
  DeviceVector<S> means(rows);
  launch<write_means<InFours, S>>(
      DefaultStream{}, {1, warp_size}, seqrec::MatrixView<const S, seqrec::DeviceSpace>(placed_y.matrix()),
      seqrec::MatrixView<const S, seqrec::DeviceSpace>(placed_dy.matrix()), means.view().data);
  const std::vector<S> values = means.to_host();
  for (index_t row = 0; row < rows; ++row) {
    double expected = 0;
    for (index_t d = 0; d < width; ++d) expected += y(row, d) * dy(row, d);
    CHECK(std::abs(static_cast<double>(values[static_cast<std::size_t>(row)]) - expected) <= most_off);
  }
}

}  // namespace

TEST_CASE("attention on CUDA: the means of gradients are sums of y dy", "[cuda]") {
  check_means<false, Doubles>(37, Layout::strided, 1e-13);
  check_means<true, Doubles>(6, Layout::dense, 1e-13);
  check_means<false, BasicContext<float>>(3, Layout::strided, 1e-5);
  check_means<true, BasicContext<float>>(40, Layout::dense, 1e-5);
}

TEST_CASE("attention on CUDA: two numbers are kept for each row and head, whatever the histories", "[cuda]") {
  Doubles context;
  index_t size = 0;
  self_attention_saved_size(context, seqrec::SelfAttentionSavedSize<Doubles>{{}, 1000, 4, &size});
  CHECK(size == 8000);
}
