// SPDX-License-Identifier: Apache-2.0
// Causal multi-head self-attention over a batch's histories, with dropout, forward and backward.

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "harness.hpp"
#include "seqrec/cpu/self_attention.hpp"

namespace {

using namespace benchmarks;

/// q, k, v side by side in one matrix, as the layer keeps them; shards share it.
class Attention : protected OnBatch {
 public:
  using OnBatch::pieces;

 protected:
  explicit Attention(const benchmark::State& state, bool biased = false)
      : OnBatch(state),
        width_(state.range(2)),
        heads_(state.range(3)),
        qkv_(random_matrix(load_.most_rows(), 3 * width_, 1)),
        y_(load_.most_rows(), width_),
        expected_y_(load_.most_rows(), width_),
        of_distance_(random_matrix(heads_, state.range(1), 5)),
        of_time_(random_matrix(heads_, seqrec::time_buckets, 6)),
        biased_(biased) {
    for (index_t row = 0; row < load_.most_rows(); ++row)  // minutes to days apart
      times_.push_back((times_.empty() ? 0 : times_.back()) + (std::int64_t{1} << (row * 5 % 18)));
  }

  seqrec::AttentionBias<Context> bias(index_t rows) {
    if (!biased_) return {};
    return {of_distance_.view(), of_time_.view(), {times_.data(), rows}};
  }
  float bias_by_loops(index_t row, index_t key, index_t head) const {
    if (!biased_) return 0;
    const auto seconds =
        seqrec::seconds_between(times_[static_cast<std::size_t>(row)], times_[static_cast<std::size_t>(key)]);
    return of_distance_.view()(head, row - key) + of_time_.view()(head, seqrec::time_bucket(seconds));
  }

  auto columns(Matrix& matrix, index_t block, index_t rows) const {
    return matrix.view().row_range(0, rows).column_range(block * width_, width_);
  }
  seqrec::Dropout mask(const seqrec::TrainingBatch<HostSpace>& shard) {
    return context_.next_dropout(0.2, shard.histories.first_row);
  }
  seqrec::vector_of<Context> forward(const seqrec::TrainingBatch<HostSpace>& shard, const seqrec::Dropout& mask) {
    const index_t rows = shard.histories.rows();
    const auto saved =
        context_.vector(seqrec::ops::self_attention_saved_size(context_, shard.histories.offsets(), rows, heads_));
    seqrec::ops::self_attention_forward(
        context_,
        seqrec::SelfAttentionForward<Context>{shard.histories.offsets(), shard.histories.longest,
                                              columns(qkv_, 0, rows), columns(qkv_, 1, rows), columns(qkv_, 2, rows),
                                              y_.view().row_range(0, rows), saved, heads_, mask, bias(rows)});
    return saved;
  }

  /// Calls use(row, key, head, probability, factor) for every row's keys, where `factor` is dropout's.
  template <class Use>
  void for_each_weight(const seqrec::TrainingBatch<HostSpace>& shard, const seqrec::Dropout& mask, Use use) {
    const index_t head_width = width_ / heads_;
    const float scale = 1.0f / std::sqrt(static_cast<float>(head_width));
    const auto keep = static_cast<float>(mask.scale());
    std::vector<float> weights(static_cast<std::size_t>(shard.histories.longest));
    for (index_t user = 0; user < shard.histories.users(); ++user) {
      const index_t first = shard.histories.offsets()(user), length = shard.histories.items.length(user);
      for (index_t head = 0; head < heads_; ++head)
        for (index_t i = 0; i < length; ++i) {
          const float* q = qkv_.view().row(first + i) + head * head_width;
          float highest = -std::numeric_limits<float>::infinity(), sum = 0;
          for (index_t j = 0; j <= i; ++j) {
            const float* k = qkv_.view().row(first + j) + width_ + head * head_width;
            float score = 0;
            for (index_t d = 0; d < head_width; ++d) score += q[d] * k[d];
            score = score * scale + bias_by_loops(first + i, first + j, head);
            weights[static_cast<std::size_t>(j)] = score;
            highest = std::max(highest, score);
          }
          for (index_t j = 0; j <= i; ++j)
            sum += weights[static_cast<std::size_t>(j)] = std::exp(weights[static_cast<std::size_t>(j)] - highest);
          const auto row =
              (mask.first_row + static_cast<std::uint32_t>(first + i)) * static_cast<std::uint32_t>(heads_) +
              static_cast<std::uint32_t>(head);
          for (index_t j = 0; j <= i; ++j)
            use(first + i, first + j, head, weights[static_cast<std::size_t>(j)] / sum,
                mask.keeps(row, static_cast<std::uint32_t>(j)) ? keep : 0.0f);
        }
    }
  }
  void plain_forward(const seqrec::TrainingBatch<HostSpace>& shard, const seqrec::Dropout& mask) {
    const index_t head_width = width_ / heads_;
    const auto y = expected_y_.view();
    for (index_t i = 0; i < shard.histories.rows(); ++i)
      for (index_t d = 0; d < width_; ++d) y(i, d) = 0;
    for_each_weight(shard, mask, [&](index_t row, index_t key, index_t head, float probability, float factor) {
      for (index_t d = head * head_width; d < (head + 1) * head_width; ++d)
        y(row, d) += probability * factor * qkv_.view()(key, 2 * width_ + d);
    });
  }
  /// @param vectors  of a row that are read or written
  Cost cost_of_products(double products, double vectors) const {
    const auto width = static_cast<double>(width_);
    return {.rows = rows(),
            .operations = products * 2 * width * load_.causal_pairs(),
            .bytes = vectors * sizeof(float) * width * rows()};
  }

  index_t width_, heads_;
  Matrix qkv_, y_, expected_y_;
  Matrix of_distance_, of_time_;
  std::vector<std::int64_t> times_;
  bool biased_;
};

struct Forward : Attention {
  explicit Forward(const benchmark::State& state) : Attention(state) {}
  void run(index_t piece) {
    const auto shard = begin(piece);
    forward(shard, mask(shard));
  }
  void baseline(index_t piece) {
    const auto shard = begin(piece);
    plain_forward(shard, mask(shard));
  }
  std::vector<Result> results() const { return {{elements(y_), elements(expected_y_)}}; }
  Cost cost() const { return cost_of_products(2, 4); }
};

/// Forward and backward, because backward needs what forward keeps.
struct ForwardBackward : Attention {
  explicit ForwardBackward(const benchmark::State& state, bool biased = false)
      : Attention(state, biased),
        dy_(random_matrix(load_.most_rows(), width_, 2)),
        gradient_(load_.most_rows(), 3 * width_),
        expected_gradient_(load_.most_rows(), 3 * width_),
        dof_distance_(heads_, state.range(1)),
        dof_time_(heads_, seqrec::time_buckets) {}
  void run(index_t piece) {
    const auto shard = begin(piece);
    const index_t rows = shard.histories.rows();
    const seqrec::Dropout dropout = mask(shard);
    const auto saved = forward(shard, dropout);
    const auto target = [&](index_t block) {
      return seqrec::Gradient<Context>{columns(gradient_, block, rows), seqrec::GradientMode::write};
    };
    seqrec::SelfAttentionBackward<Context> a{shard.histories.offsets(),
                                             shard.histories.longest,
                                             columns(qkv_, 0, rows),
                                             columns(qkv_, 1, rows),
                                             columns(qkv_, 2, rows),
                                             y_.view().row_range(0, rows),
                                             saved,
                                             dy_.view().row_range(0, rows),
                                             target(0),
                                             target(1),
                                             target(2),
                                             heads_,
                                             dropout,
                                             bias(rows)};
    if (biased_) a.dbias = {dof_distance_.view(), dof_time_.view()};
    seqrec::ops::self_attention_backward(context_, a);
  }
  void baseline(index_t piece) {
    const auto shard = begin(piece);
    const seqrec::Dropout dropout = mask(shard);
    plain_forward(shard, dropout);
    const index_t head_width = width_ / heads_;
    const float scale = 1.0f / std::sqrt(static_cast<float>(head_width));
    const auto qkv = qkv_.view(), gradient = expected_gradient_.view(), dy = dy_.view(), y = expected_y_.view();
    for (index_t i = 0; i < shard.histories.rows(); ++i)
      for (index_t d = 0; d < 3 * width_; ++d) gradient(i, d) = 0;
    for_each_weight(shard, dropout, [&](index_t row, index_t key, index_t head, float probability, float factor) {
      float dweight = 0, mean = 0;
      for (index_t d = head * head_width; d < (head + 1) * head_width; ++d) {
        dweight += dy(row, d) * qkv(key, 2 * width_ + d);
        mean += dy(row, d) * y(row, d);
        gradient(key, 2 * width_ + d) += probability * factor * dy(row, d);
      }
      const float dscore = probability * (dweight * factor - mean) * scale;
      for (index_t d = head * head_width; d < (head + 1) * head_width; ++d) {
        gradient(row, d) += dscore * qkv(key, width_ + d);
        gradient(key, width_ + d) += dscore * qkv(row, d);
      }
    });
  }
  std::vector<Result> results() const { return {{elements(gradient_), elements(expected_gradient_)}}; }
  Cost cost() const { return cost_of_products(6, 8); }

 private:
  Matrix dy_, gradient_, expected_gradient_;
  Matrix dof_distance_, dof_time_;
};

/// The same with what is learned for distances and times added to the logits.
struct Biased : ForwardBackward {
  explicit Biased(const benchmark::State& state) : ForwardBackward(state, true) {}
};

const std::vector<std::string> letters = {"B", "L", "D", "H"};
const std::vector<std::vector<std::int64_t>> sizes = {
    {128, 200, 64, 1}, {128, 200, 50, 1}, {128, 200, 64, 2}, {128, 50, 64, 1}};
const bool registered = compare<Forward>("self_attention/forward", "plain_loops", letters, sizes) &&
                        compare<ForwardBackward>("self_attention/forward_backward", "plain_loops", letters, sizes) &&
                        compare<Biased>("self_attention/biased/forward_backward", "plain_loops", letters, {sizes[0]});

}  // namespace
