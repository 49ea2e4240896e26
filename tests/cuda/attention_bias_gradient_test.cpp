// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/attention_bias_gradient.cuh"

#include <vector>

#include "cuda/device_support.hpp"
#include "support/histories.hpp"
#include "support/tensors.hpp"

namespace {

using namespace seqrec_test;
using namespace seqrec::cuda;
using seqrec::index_t;
using seqrec::time_buckets;
using Doubles = BasicContext<double>;
using Arguments = seqrec::SelfAttentionBackward<Doubles>;

/// Slopes and buckets that are whole numbers of the place.
SEQREC_HOST_DEVICE inline double slope_of(index_t head, index_t row, index_t key) {
  return static_cast<double>(row * 7 + key * 3 + head + 1);
}
SEQREC_HOST_DEVICE inline index_t bucket_of(index_t row, index_t key) { return (row * 5 + key) % time_buckets; }

template <class T>
__global__ void sum_biases(Arguments a, AttentionBiasRows<T> rows) {
  const AttentionPlace at(a, TileOrder::last_first, 64);
  if (at.start >= at.length) return;
  T* const slopes = dynamic_shared<T>();
  T* const of_buckets = slopes + tile_elements<tile_size>;
  auto* const buckets = reinterpret_cast<std::uint8_t*>(of_buckets + bucket_elements);
  AttentionBiasSums<T> sums(rows, at, of_buckets);
  for (index_t key = 0; key <= at.start; key += tile_size) {
    __syncthreads();
    for (int i = 0; i < tile_share; ++i)
      for (int j = 0; j < tile_share; ++j) {
        const index_t row = at.start + tile_row(i), other = key + tile_column(j);
        const bool seen = row < at.length && other <= row;
        const int e = tile_row(i) * tile_stride<tile_size> + tile_column(j);
        slopes[e] = seen ? slope_of(at.head, row, other) : 0;
        buckets[e] = static_cast<std::uint8_t>(seen ? bucket_of(row, other) : 0);
      }
    __syncthreads();
    sums.add(slopes, buckets, key);
  }
  sums.leave();
}

}  // namespace

TEST_CASE("attention on CUDA: gradients of biases are sums over diagonals and buckets, added", "[cuda]") {
  constexpr index_t heads = 2, longest = 70, distances = 80;
  const Histories histories = random_histories({33, 0, longest, 1}, 5, 1);
  const PlacedBatch<seqrec::DeviceSpace> batch(histories);
  Matrix of_distance(heads, distances, 1), of_time(heads, time_buckets, 2);
  PlacedMasters<Doubles> distance(of_distance, Layout::strided), time(of_time, Layout::strided);
  for (const index_t length : histories.lengths)
    for (index_t head = 0; head < heads; ++head)
      for (index_t row = 0; row < length; ++row)
        for (index_t key = 0; key <= row; ++key) {
          of_distance(head, row - key) += slope_of(head, row, key);
          of_time(head, bucket_of(row, key)) += slope_of(head, row, key);
        }
  Doubles context;
  Arguments a{};
  a.offsets = batch.offsets();
  a.longest = longest;
  a.q = context.matrix(histories.rows(), heads);
  a.heads = heads;
  a.dbias = {distance.matrix(), time.matrix()};
  const AttentionBiasRows<double> rows = attention_bias_rows(context, a);
  const std::size_t bytes = (tile_elements<tile_size> + bucket_elements) * sizeof(double) + tile_elements<tile_size>;
  launch<sum_biases<double>>(context, attention_shape(a, 64, bytes), a, rows);
  add_attention_bias_gradient(context, a, rows);
  CHECK(difference(distance.read(), of_distance) == 0);
  CHECK(difference(time.read(), of_time) == 0);
}
