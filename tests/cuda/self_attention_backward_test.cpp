// SPDX-License-Identifier: Apache-2.0
// The gradients are tested with the op; here is what they are made from.
#include "seqrec/cuda/self_attention_backward.cuh"

#include <vector>

#include "cuda/device_support.hpp"
#include "seqrec/cuda/self_attention.cuh"
#include "support/tensors.hpp"

namespace {

using namespace seqrec_test;
using namespace seqrec::cuda;
using seqrec::index_t;
using Doubles = BasicContext<double>;

}  // namespace

TEST_CASE("attention on CUDA: the means of gradients are sums of y dy, head by head", "[cuda]") {
  constexpr index_t rows = 9, heads = 3, width = 40;
  const Matrix y = random_matrix(rows, heads * width, 1), dy = random_matrix(rows, heads * width, 2);
  PlacedScalars<Doubles> placed_y(y, Layout::strided), placed_dy(dy, Layout::strided);
  seqrec::SelfAttentionBackward<Doubles> a{};
  a.y = placed_y.matrix();
  a.dy = placed_dy.matrix();
  a.heads = heads;
  DeviceVector<double> means(rows * heads);
  launch<attention_means_kernel<double>>(DefaultStream{}, warp_per_row(means.size()), a, means.view());
  const std::vector<double> values = means.to_host();
  for (index_t row = 0; row < rows; ++row)
    for (index_t head = 0; head < heads; ++head) {
      double expected = 0;
      for (index_t d = head * width; d < (head + 1) * width; ++d) expected += y(row, d) * dy(row, d);
      CHECK(values[static_cast<std::size_t>(row * heads + head)] == Approx(expected).epsilon(1e-13));
    }
}

TEST_CASE("attention on CUDA: two numbers are kept for each row and head, whatever the histories", "[cuda]") {
  Doubles context;
  index_t size = 0;
  self_attention_saved_size(context, seqrec::SelfAttentionSavedSize<Doubles>{{}, 1000, 4, &size});
  CHECK(size == 8000);
}
