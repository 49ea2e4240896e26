// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/attention_logits.cuh"

#include <cmath>
#include <vector>

#include "cuda/device_support.hpp"
#include "seqrec/cuda/launch.cuh"
#include "support/tensors.hpp"

namespace {

using namespace seqrec_test;
using namespace seqrec::cuda;
using seqrec::AttentionWeights;
using seqrec::index_t;
using seqrec::time_buckets;
using Doubles = BasicContext<double>;

constexpr index_t first = 3, length = 5, head = 1;

/// What is added for all rows of a history and all that they see.
template <class T>
__global__ void write_biases(AttentionBiases<T> biases, T* out) {
  for (index_t row = 0; row < length; ++row)
    for (index_t key = 0; key <= row; ++key) out[row * length + key] = biases(row, key, biases.bucket(row, key));
}

}  // namespace

TEST_CASE("attention on CUDA: what is added to a logit is learned for distance and time", "[cuda]") {
  const Matrix of_distance = random_matrix(2, 7, 1), of_time = random_matrix(2, time_buckets, 2);
  PlacedScalars<Doubles> distances(of_distance, Layout::strided), times(of_time, Layout::strided);
  const std::vector<std::int64_t> seconds = {0, 0, 0, 1000, 1000, 1060, 1030, 90'000};
  const auto moments = to_device(seconds);
  for (const bool by_distance : {false, true})
    for (const bool by_time : {false, true}) {
      CAPTURE(by_distance, by_time);
      AttentionBiases<double> biases{{}, first, head};
      if (by_distance) biases.bias.of_distance = distances.matrix();
      if (by_time) biases.bias.of_time = times.matrix();
      if (by_time) biases.bias.times = moments.view();
      DeviceVector<double> out(length * length);
      launch<write_biases<double>>(DefaultStream{}, {1, 1}, biases, out.view().data);
      const std::vector<double> sums = out.to_host();
      for (index_t row = 0; row < length; ++row)
        for (index_t key = 0; key <= row; ++key) {
          const auto apart =
              std::abs(seconds[static_cast<std::size_t>(first + row)] - seconds[static_cast<std::size_t>(first + key)]);
          const double expected = (by_distance ? of_distance(head, row - key) : 0) +
                                  (by_time ? of_time(head, seqrec::time_bucket(static_cast<std::uint64_t>(apart))) : 0);
          CHECK(sums[static_cast<std::size_t>(row * length + key)] == Approx(expected).epsilon(1e-14));
        }
    }
}

TEST_CASE("attention on CUDA: softmax scales scores, silu divides weights", "[cuda]") {
  Doubles context;
  seqrec::SelfAttentionForward<Doubles> a{};
  a.q = context.matrix(1, 32);
  a.heads = 2;
  const auto softmax = attention_factors<double>(a);
  CHECK(softmax.scale == 0.25);
  CHECK(softmax.kept == 1);
  CHECK_FALSE(softmax.silu);
  a.weights = AttentionWeights::silu;
  a.divisor = 8;
  seqrec::Dropout mask;
  mask.threshold = 32768;
  const auto silu = attention_factors<double>(a, mask);
  CHECK(silu.scale == 1);
  CHECK(silu.share == 0.125);
  CHECK(silu.kept == 2);
  CHECK(silu.silu);
}
