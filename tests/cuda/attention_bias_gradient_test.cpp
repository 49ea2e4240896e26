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
  const AttentionBlock at(a, TileOrder::last_first, 64);
  if (at.start >= at.length) return;
  AttentionBiasSums<T> sums(rows, at, dynamic_shared<T>(), true);
  for (int key = 0; key < at.length && key < at.start + attention_rows; key += passing_rows) {
    __syncthreads();
    for (int e = static_cast<int>(threadIdx.x); e < attention_rows * passing_rows; e += attention_threads) {
      const int i = e / passing_rows, j = e % passing_rows, row = at.start + i, other = key + j;
      const bool seen = row < at.length && other <= row;
      sums.slopes()[i * score_stride + j] = seen ? slope_of(at.head, row, other) : 0;
      sums.buckets()[i * score_stride + j] = static_cast<std::uint8_t>(seen ? bucket_of(row, other) : 0);
    }
    sums.add(key);
  }
  sums.leave();
}

}  // namespace

TEST_CASE("attention on CUDA: gradients of biases are sums over diagonals and buckets, added", "[cuda]") {
  constexpr index_t heads = 2, longest = 140, distances = 150;
  const Histories histories = random_histories({33, 0, longest, 1, 97}, 5, 1);
  const HistoryBatch<seqrec::DeviceSpace> batch(histories);
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
  launch<sum_biases<double>>(context, attention_blocks(a, 64, attention_bias_bytes<double>(true)), a, rows);
  add_attention_bias_gradient(context, a, rows);
  CHECK(difference(distance.read(), of_distance) == 0);
  CHECK(difference(time.read(), of_time) == 0);
}
