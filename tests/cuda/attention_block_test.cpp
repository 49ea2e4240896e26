// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/attention_block.cuh"

#include <vector>

#include "cuda/device_support.hpp"
#include "support/masks.hpp"
#include "support/tensors.hpp"

namespace {

using namespace seqrec_test;
using namespace seqrec::cuda;
using seqrec::index_t;
using seqrec::offset_t;

/// The lane's bits of a warp's tile, laid out.
template <class T>
__device__ void lay_out(unsigned kept, T* out) {
  for (int n = 0; n < passing_parts; ++n)
    for (int i = 0; i < 4; ++i)
      out[MmaSums<T>::row(i) * passing_rows + mma_columns * n + MmaSums<T>::column(i)] =
          static_cast<T>(kept >> (4 * n + i) & 1u);
}
template <class T>
__global__ void write_kept(seqrec::Dropout mask, unsigned row, unsigned heads, unsigned key, T* out) {
  lay_out(kept_weights(mask, row, heads, key), out);
}
template <class T>
__global__ void write_kept_of_keys(seqrec::Dropout mask, unsigned row, unsigned heads, unsigned key, T* out) {
  lay_out(kept_weights_of_keys(mask, row, heads, key), out);
}

/// Logits of scores that are 1, all rows of 16 for the keys from 16 on, and the buckets of times.
template <class T>
__global__ void write_logits(AttentionBiases<T> biases, bool with_buckets, T* logits, T* buckets_out) {
  T* const tile = dynamic_shared<T>();
  auto* const buckets = reinterpret_cast<std::uint8_t*>(tile + score_elements(2 * mma_rows));
  WarpScores<T> scores;
  for_each_score(scores, [](T& score, int, int) { score = 1; });
  const auto meeting = [](int n, int i) {
    const int row = 32 + MmaSums<T>::row(i), key = 16 + mma_columns * n + MmaSums<T>::column(i);
    return Meeting{row, key, key <= row && row < 45};
  };
  make_logits(scores, T{4}, biases, tile, with_buckets ? buckets : nullptr, mma_rows, meeting);
  for_each_score(scores, [&](T& score, int n, int i) {
    const Meeting of = meeting(n, i);
    if (!of.seen) return;
    logits[of.row * 64 + of.key] = score;
    if (with_buckets) buckets_out[of.row * 64 + of.key] = static_cast<T>(buckets[score_place(mma_rows, n, i)]);
  });
}

/// What of a place is asked for.
struct Arguments {
  seqrec::VectorView<const offset_t, seqrec::DeviceSpace> offsets;
  index_t longest, heads;
  seqrec::MatrixView<const float, seqrec::DeviceSpace> q;
};

/// Counts the blocks of each row and column, (N, D), and puts the places of a history in the order of their numbers.
template <class T>
__global__ void visit_places(Arguments a, TileOrder order, T* visits, T* begins) {
  const AttentionBlock at(a, order, 16);
  const int thread = static_cast<int>(threadIdx.x), left = at.length - at.start;
  if (thread == 0 && blockIdx.y == 0 && blockIdx.z == 0) begins[blockIdx.x] = static_cast<T>(at.start);
  if (thread >= attention_rows || thread >= left) return;
  for (index_t d = at.column; d < at.width && d < at.column + 16; ++d)
    visits[(at.first + at.start + thread) * a.q.columns() + at.head * at.width + d] += 1;
}

}  // namespace

TEST_CASE("attention on CUDA: lanes that share their draws keep what the mask keeps", "[cuda]") {
  for (const double probability : {0.0, 0.3, 0.9}) {
    const seqrec::Dropout mask = mask_of(probability);
    constexpr unsigned row = 4'294'967'000u, heads = 3, key = 64;  // rows of the mask go round
    DeviceVector<int> out(mma_rows * passing_rows);
    launch<write_kept<int>>(DefaultStream{}, {1, warp_size}, mask, row, heads, key, out.view().data);
    const std::vector<int> kept = out.to_host();
    index_t wrong = 0;
    for (unsigned i = 0; i < mma_rows; ++i)
      for (unsigned j = 0; j < passing_rows; ++j)
        wrong += (kept[i * passing_rows + j] != 0) != (!mask.active() || mask.keeps(row + i * heads, key + j));
    CHECK(wrong == 0);
  }
}

TEST_CASE("attention on CUDA: the same where keys are rows", "[cuda]") {
  for (const double probability : {0.0, 0.3}) {
    const seqrec::Dropout mask = mask_of(probability);
    constexpr unsigned row = 4'294'967'250u, heads = 3, key = 48;
    DeviceVector<int> out(mma_rows * passing_rows);
    launch<write_kept_of_keys<int>>(DefaultStream{}, {1, warp_size}, mask, row, heads, key, out.view().data);
    const std::vector<int> kept = out.to_host();
    index_t wrong = 0;
    for (unsigned i = 0; i < mma_rows; ++i)
      for (unsigned j = 0; j < passing_rows; ++j)
        wrong += (kept[i * passing_rows + j] != 0) != (!mask.active() || mask.keeps(row + j * heads, key + i));
    CHECK(wrong == 0);
  }
}

TEST_CASE("attention on CUDA: scores become logits, each with its own bias", "[cuda]") {
  const Matrix of_distance = random_matrix(1, 64, 1), of_time = random_matrix(1, seqrec::time_buckets, 2);
  PlacedScalars<BasicContext<double>> distances(of_distance, Layout::dense), times(of_time, Layout::dense);
  std::vector<std::int64_t> seconds(64);
  for (std::size_t i = 0; i < 64; ++i) seconds[i] = static_cast<std::int64_t>(i * i * i);
  const auto moments = to_device(seconds);
  for (const bool biased : {false, true}) {
    CAPTURE(biased);
    AttentionBiases<double> biases{{}, 0, 0};
    if (biased) biases.bias = {distances.matrix(), times.matrix(), moments.view()};
    DeviceVector<double> logits(64 * 64), buckets(64 * 64);
    const std::size_t bytes = score_elements(2 * mma_rows) * (sizeof(double) + 1);
    launch<write_logits<double>>(DefaultStream{}, {1, warp_size, bytes}, biases, biased, logits.view().data,
                                 buckets.view().data);
    const std::vector<double> made = logits.to_host(), of_times = buckets.to_host();
    for (std::size_t row = 32; row < 45; ++row)
      for (std::size_t key = 16; key < 48 && key <= row; ++key) {
        const auto bucket = seqrec::time_bucket(static_cast<std::uint64_t>(seconds[row] - seconds[key]));
        const double bias = of_distance(0, static_cast<index_t>(row - key)) + of_time(0, bucket);
        CAPTURE(row, key);
        REQUIRE(made[row * 64 + key] == Approx(biased ? 4 + bias : 4).epsilon(1e-14));
        if (biased) REQUIRE(of_times[row * 64 + key] == static_cast<double>(bucket));
      }
  }
}

TEST_CASE("attention on CUDA: blocks take every row of every head, those with the most work first", "[cuda]") {
  constexpr index_t rows = 204, heads = 2, width = 20;
  const auto offsets = to_device<offset_t>({0, 130, 130, 131, 204});
  for (const TileOrder order : {TileOrder::first_first, TileOrder::last_first}) {
    DeviceVector<int> visits(rows * heads * width), begins(4 * 3);
    const Arguments a{offsets.view(), 130, heads, {nullptr, rows, heads * width}};
    launch<visit_places<int>>(DefaultStream{}, attention_blocks(a, 16, 0), a, order, visits.view().data,
                              begins.view().data);
    CHECK(visits.to_host() == std::vector<int>(static_cast<std::size_t>(rows * heads * width), 1));
    const std::vector<int> ascending = {0, 0, 0, 0, 64, 64, 64, 64, 128, 128, 128, 128};
    CHECK(begins.to_host() ==
          (order == TileOrder::first_first ? ascending : std::vector<int>(ascending.rbegin(), ascending.rend())));
  }
}

TEST_CASE("attention on CUDA: the narrowest tile that holds a head, or parts of one", "[cuda]") {
  struct Chosen {
    int width, bytes;
    bool in_parts;
    bool operator==(const Chosen&) const = default;
  };
  const auto chosen = [](index_t width, bool in_fours) {
    Chosen made{};
    dispatch_attention_width<float, 128>(width, in_fours, [&]<int Width, int Bytes, bool InParts>() {
      made = {Width, Bytes, InParts};
    });
    return made;
  };
  CHECK(chosen(1, false) == Chosen{32, 4, false});
  CHECK(chosen(32, true) == Chosen{32, 16, false});
  CHECK(chosen(33, false) == Chosen{64, 4, false});
  CHECK(chosen(64, true) == Chosen{64, 16, false});
  CHECK(chosen(65, false) == Chosen{128, 4, false});
  CHECK(chosen(128, true) == Chosen{128, 16, false});
  CHECK(chosen(132, true) == Chosen{64, 16, true});
  CHECK(chosen(130, false) == Chosen{64, 4, true});
}
