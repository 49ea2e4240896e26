// SPDX-License-Identifier: Apache-2.0
// The mean of each row and those before it in its history, forward and backward, over a batch's shards.

#include <algorithm>
#include <cmath>

#include "harness.hpp"
#include "seqrec/cpu/prefix_mean.hpp"

namespace {

using namespace benchmarks;

class PrefixMean : protected OnBatch {
 public:
  using OnBatch::pieces;
  std::vector<Result> results() const { return {{elements(found_), elements(expected_)}}; }
  Cost cost() const { return {rows(), 0}; }

 protected:
  explicit PrefixMean(const benchmark::State& state)
      : OnBatch(state),
        width_(state.range(2)),
        recency_(random_vector(std::max<index_t>(1, state.range(3)), 2)),
        drecency_(recency_.size()),
        weighed_(state.range(3) != 0),
        given_(random_matrix(load_.most_rows(), width_, 1)),
        found_(load_.most_rows(), width_),
        expected_(load_.most_rows(), width_) {}

  seqrec::const_vector_of<Context> recency() {
    if (weighed_) return recency_.view();
    return {};
  }
  /// What a row weighs that lies so far before another one, but for the sum.
  float power(index_t distance) { return std::exp(recency_.view()(std::min(distance, recency_.size() - 1))); }

  index_t width_;
  Vector recency_, drecency_;
  bool weighed_;
  Matrix given_, found_, expected_;
};

struct Forward : PrefixMean {
  explicit Forward(const benchmark::State& state) : PrefixMean(state) {}
  void run(index_t piece) {
    const auto shard = begin(piece);
    const index_t rows = shard.histories.rows();
    seqrec::ops::prefix_mean_forward(
        context_, seqrec::PrefixMeanForward<Context>{shard.histories.offsets(), given_.view().row_range(0, rows),
                                                     found_.view().row_range(0, rows), recency()});
  }
  void baseline(index_t piece) {
    const auto shard = begin(piece);
    const auto x = given_.view(), y = expected_.view();
    for (index_t user = 0; weighed_ && user < shard.histories.users(); ++user) {
      const index_t first = shard.histories.offsets()(user), end = shard.histories.offsets()(user + 1);
      for (index_t row = first; row < end; ++row) {
        float sum = 0;
        for (index_t d = 0; d < width_; ++d) y(row, d) = 0;
        for (index_t before = first; before <= row; ++before) {
          const float weight = power(row - before);
          sum += weight;
          for (index_t d = 0; d < width_; ++d) y(row, d) += weight * x(before, d);
        }
        for (index_t d = 0; d < width_; ++d) y(row, d) /= sum;
      }
    }
    if (weighed_) return;
    for (index_t user = 0; user < shard.histories.users(); ++user) {
      const index_t first = shard.histories.offsets()(user), end = shard.histories.offsets()(user + 1);
      for (index_t d = 0; d < width_; ++d) {
        float sum = 0;
        for (index_t row = first; row < end; ++row) {
          sum += x(row, d);
          y(row, d) = sum / static_cast<float>(row - first + 1);
        }
      }
    }
  }
};

struct Backward : PrefixMean {
  explicit Backward(const benchmark::State& state) : PrefixMean(state) {}
  void run(index_t piece) {
    const auto shard = begin(piece);
    const index_t rows = shard.histories.rows();
    const auto dy = given_.view().row_range(0, rows);
    seqrec::ops::prefix_mean_backward(
        context_, seqrec::PrefixMeanBackward<Context>{
                      shard.histories.offsets(), dy, {found_.view().row_range(0, rows)}, dy, dy, recency(), {}});
  }
  void baseline(index_t piece) {
    const auto shard = begin(piece);
    const auto dy = given_.view(), dx = expected_.view();
    for (index_t user = 0; weighed_ && user < shard.histories.users(); ++user) {
      const index_t first = shard.histories.offsets()(user), end = shard.histories.offsets()(user + 1);
      for (index_t row = first; row < end; ++row) {
        float sum = 0;
        for (index_t before = first; before <= row; ++before) sum += power(row - before);
        for (index_t d = 0; d < width_; ++d) dx(row, d) = 0;
        for (index_t before = first; before <= row; ++before)
          for (index_t d = 0; d < width_; ++d) dx(before, d) += power(row - before) / sum * dy(row, d);
      }
    }
    if (weighed_) return;
    for (index_t user = 0; user < shard.histories.users(); ++user) {
      const index_t first = shard.histories.offsets()(user), end = shard.histories.offsets()(user + 1);
      for (index_t d = 0; d < width_; ++d) {
        float sum = 0;
        for (index_t row = end - 1; row >= first; --row) {
          sum += dy(row, d) / static_cast<float>(row - first + 1);
          dx(row, d) = sum;
        }
      }
    }
  }
};

// B users, L items of history, D wide, recency weights for R distances (0: none).
const std::vector<std::string> letters = {"B", "L", "D", "R"};
const std::vector<std::vector<std::int64_t>> sizes = {
    {128, 200, 64, 0}, {128, 200, 50, 0}, {128, 50, 64, 50}, {128, 200, 64, 20}};
const bool registered = compare<Forward>("prefix_mean/forward", "plain_loops", letters, sizes) &&
                        compare<Backward>("prefix_mean/backward", "plain_loops", letters, sizes);

}  // namespace
