// SPDX-License-Identifier: Apache-2.0
// Causal additive attention over a batch's histories (NARM's, without its linear layers), forward and backward.

#include <cmath>

#include "harness.hpp"
#include "seqrec/cpu/additive_attention.hpp"

namespace {

using namespace benchmarks;

/// Sizes are B, L, F; rows are as wide as queries and keys.
class Attention : protected OnBatch {
 public:
  using OnBatch::pieces;

 protected:
  /// @param operations  for each pair of rows and column
  Attention(const benchmark::State& state, double operations)
      : OnBatch(state),
        width_(state.range(2)),
        operations_(operations),
        queries_(random_matrix(load_.most_rows(), width_, 1)),
        keys_(random_matrix(load_.most_rows(), width_, 2)),
        weight_(random_matrix(1, width_, 3)),
        x_(random_matrix(load_.most_rows(), width_, 4)),
        y_(load_.most_rows(), width_),
        expected_y_(load_.most_rows(), width_) {}

  Cost cost() const {
    double pairs = 0;
    for (index_t i = 0; i < pieces(); ++i) {
      const auto histories = load_.batch.shard(i).histories;
      for (index_t user = 0; user < histories.users(); ++user) {
        const auto length = static_cast<double>(histories.items.length(user));
        pairs += length * (length + 1) / 2;
      }
    }
    return {rows(), operations_ * pairs * static_cast<double>(width_)};
  }
  seqrec::VectorView<const float, HostSpace> weight() const { return {weight_.view().data, width_}; }

  seqrec::vector_of<Context> forward(const seqrec::TrainingBatch<HostSpace>& shard) {
    const index_t rows = shard.histories.rows();
    const auto saved =
        context_.vector(seqrec::ops::additive_attention_saved_size(context_, shard.histories.offsets(), rows));
    seqrec::ops::additive_attention_forward(
        context_, seqrec::AdditiveAttentionForward<Context>{.offsets = shard.histories.offsets(),
                                                            .queries = queries_.view().row_range(0, rows),
                                                            .keys = keys_.view().row_range(0, rows),
                                                            .weight = weight(),
                                                            .x = x_.view().row_range(0, rows),
                                                            .y = y_.view().row_range(0, rows),
                                                            .saved = saved});
    return saved;
  }

  /// Calls visit(row, earlier row or itself, units) with sigmoid(q + k).
  template <class Visit>
  void for_each_pair(const seqrec::TrainingBatch<HostSpace>& shard, Visit visit) const {
    std::vector<float> units(static_cast<std::size_t>(width_));
    for (index_t user = 0; user < shard.histories.users(); ++user)
      for (index_t row = shard.histories.offsets()(user); row < shard.histories.offsets()(user + 1); ++row)
        for (index_t other = shard.histories.offsets()(user); other <= row; ++other) {
          for (index_t d = 0; d < width_; ++d)
            units[static_cast<std::size_t>(d)] = 1 / (1 + std::exp(-queries_.view()(row, d) - keys_.view()(other, d)));
          visit(row, other, units.data());
        }
  }
  float weigh(const float* units) const {
    float sum = 0;
    for (index_t d = 0; d < width_; ++d) sum += weight()(d) * units[d];
    return sum;
  }

  index_t width_;
  double operations_;
  Matrix queries_, keys_, weight_, x_, y_, expected_y_;
};

struct Forward : Attention {
  explicit Forward(const benchmark::State& state) : Attention(state, 5) {}
  using Attention::cost;
  void run(index_t piece) { forward(begin(piece)); }
  void baseline(index_t piece) {
    const auto shard = begin(piece);
    const auto y = expected_y_.view();
    std::fill_n(y.data, shard.histories.rows() * width_, 0.0f);
    for_each_pair(shard, [&](index_t row, index_t other, const float* units) {
      const float weight = weigh(units);
      for (index_t d = 0; d < width_; ++d) y(row, d) += weight * x_.view()(other, d);
    });
  }
  std::vector<Result> results() const { return {{elements(y_), elements(expected_y_)}}; }
};

/// The forward pass with it, which leaves what backward reads.
struct Backward : Attention {
  explicit Backward(const benchmark::State& state)
      : Attention(state, 5 + 12),
        dy_(random_matrix(load_.most_rows(), width_, 5)),
        dqueries_(load_.most_rows(), width_),
        dkeys_(load_.most_rows(), width_),
        dx_(load_.most_rows(), width_),
        expected_dqueries_(load_.most_rows(), width_),
        expected_dkeys_(load_.most_rows(), width_),
        expected_dx_(load_.most_rows(), width_) {}
  using Attention::cost;

  void run(index_t piece) {
    const auto shard = begin(piece);
    const index_t rows = shard.histories.rows();
    const auto saved = forward(shard);
    seqrec::ops::additive_attention_backward(
        context_, seqrec::AdditiveAttentionBackward<Context>{.offsets = shard.histories.offsets(),
                                                             .queries = queries_.view().row_range(0, rows),
                                                             .keys = keys_.view().row_range(0, rows),
                                                             .weight = weight(),
                                                             .x = x_.view().row_range(0, rows),
                                                             .saved = saved,
                                                             .dy = dy_.view().row_range(0, rows),
                                                             .dqueries = {dqueries_.view().row_range(0, rows)},
                                                             .dkeys = {dkeys_.view().row_range(0, rows)},
                                                             .dweight = {},
                                                             .dx = {dx_.view().row_range(0, rows)}});
  }
  void baseline(index_t piece) {
    const auto shard = begin(piece);
    const auto dqueries = expected_dqueries_.view(), dkeys = expected_dkeys_.view(), dx = expected_dx_.view();
    for (const auto& gradient : {dqueries, dkeys, dx})
      std::fill_n(gradient.data, shard.histories.rows() * width_, 0.0f);
    for_each_pair(shard, [&](index_t row, index_t other, const float* units) {
      const float weight = weigh(units);
      float dweight = 0;
      for (index_t d = 0; d < width_; ++d) {
        dweight += dy_.view()(row, d) * x_.view()(other, d);
        dx(other, d) += weight * dy_.view()(row, d);
      }
      for (index_t d = 0; d < width_; ++d) {
        const float slope = dweight * this->weight()(d) * units[d] * (1 - units[d]);
        dqueries(row, d) += slope;
        dkeys(other, d) += slope;
      }
    });
  }
  std::vector<Result> results() const {
    return {{elements(dqueries_), elements(expected_dqueries_)},
            {elements(dkeys_), elements(expected_dkeys_)},
            {elements(dx_), elements(expected_dx_)}};
  }

 private:
  Matrix dy_, dqueries_, dkeys_, dx_, expected_dqueries_, expected_dkeys_, expected_dx_;
};

const std::vector<std::string> letters = {"B", "L", "F"};
const std::vector<std::vector<std::int64_t>> sizes = {{128, 50, 64}, {128, 200, 64}, {128, 50, 100}};
const bool registered = compare<Forward>("additive_attention/forward", "plain_loops", letters, sizes) &&
                        compare<Backward>("additive_attention/forward_and_backward", "plain_loops", letters, sizes);

}  // namespace
