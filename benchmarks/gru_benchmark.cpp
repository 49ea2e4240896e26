// SPDX-License-Identifier: Apache-2.0
// The recurrence of a GRU over a batch's histories (the gates' products with the inputs are a linear layer's), forward
// and backward.

#include <cmath>

#include "harness.hpp"
#include "seqrec/cpu/gru.hpp"
#include "seqrec/models/recurrent_encoder.hpp"

namespace {

using namespace benchmarks;

float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

class Recurrence : protected OnBatch {
 public:
  using OnBatch::pieces;

 protected:
  /// @param operations  of a row, in squares of the width
  Recurrence(const benchmark::State& state, double operations)
      : OnBatch(state, seqrec::recurrent_users_together),
        width_(state.range(2)),
        operations_(operations),
        gates_(random_matrix(load_.most_rows(), 3 * width_, 1)),
        weight_(random_matrix(3 * width_, width_, 2)),
        y_(load_.most_rows(), width_),
        expected_y_(load_.most_rows(), width_),
        units_(load_.most_rows(), 4 * width_) {
    // Weights as a layer has them; of the order of 1 they would make every gate a switch.
    for (index_t i = 0; i < weight_.size(); ++i) weight_.view().data[i] /= std::sqrt(static_cast<float>(width_));
  }

  Cost cost() const {
    return {rows(), operations_ * rows() * static_cast<double>(width_) * static_cast<double>(width_)};
  }

  seqrec::vector_of<Context> forward(const seqrec::TrainingBatch<HostSpace>& shard) {
    const index_t rows = shard.histories.rows();
    const auto saved = context_.vector(seqrec::ops::gru_saved_size(context_, rows, width_));
    seqrec::ops::gru_forward(context_, seqrec::GruForward<Context>{.offsets = shard.histories.offsets(),
                                                                   .longest = shard.histories.longest,
                                                                   .gates = gates_.view().row_range(0, rows),
                                                                   .weight = weight_.view(),
                                                                   .y = y_.view().row_range(0, rows),
                                                                   .saved = saved});
    return saved;
  }

  /// One history and one row after the other; leaves r, z, n and U_n h of each row.
  void by_loops(const seqrec::TrainingBatch<HostSpace>& shard) {
    const auto gates = gates_.view(), y = expected_y_.view(), units = units_.view();
    const std::vector<float> zeros(static_cast<std::size_t>(width_), 0.0f);
    for (index_t user = 0; user < shard.histories.users(); ++user)
      for (index_t row = shard.histories.offsets()(user); row < shard.histories.offsets()(user + 1); ++row) {
        const float* h = row > shard.histories.offsets()(user) ? y.row(row - 1) : zeros.data();
        for (index_t d = 0; d < width_; ++d) {
          const float r = sigmoid(gates(row, d) + product(d, h)),
                      z = sigmoid(gates(row, width_ + d) + product(width_ + d, h));
          const float k = product(2 * width_ + d, h), n = std::tanh(gates(row, 2 * width_ + d) + r * k);
          y(row, d) = (1 - z) * n + z * h[d];
          units(row, d) = r;
          units(row, width_ + d) = z;
          units(row, 2 * width_ + d) = n;
          units(row, 3 * width_ + d) = k;
        }
      }
  }
  float product(index_t row, const float* h) const {
    const float* u = weight_.view().row(row);
    float sum = 0;
    for (index_t d = 0; d < width_; ++d) sum += u[d] * h[d];
    return sum;
  }

  index_t width_;
  double operations_;
  Matrix gates_, weight_, y_, expected_y_, units_;
};

struct Forward : Recurrence {
  explicit Forward(const benchmark::State& state) : Recurrence(state, 6) {}
  using Recurrence::cost;
  void run(index_t piece) { forward(begin(piece)); }
  void baseline(index_t piece) { by_loops(begin(piece)); }
  std::vector<Result> results() const { return {{elements(y_), elements(expected_y_)}}; }
};

/// The forward pass with it, which leaves what backward reads.
struct Backward : Recurrence {
  explicit Backward(const benchmark::State& state)
      : Recurrence(state, 18),
        dy_(random_matrix(load_.most_rows(), width_, 3)),
        dgates_(load_.most_rows(), 3 * width_),
        expected_dgates_(load_.most_rows(), 3 * width_),
        dweight_(3 * width_, width_),
        expected_dweight_(3 * width_, width_) {}
  using Recurrence::cost;

  void run(index_t piece) {
    const auto shard = begin(piece);
    const index_t rows = shard.histories.rows();
    const auto saved = forward(shard);
    std::fill_n(dweight_.view().data, dweight_.size(), 0.0f);
    seqrec::ops::gru_backward(context_, seqrec::GruBackward<Context>{.offsets = shard.histories.offsets(),
                                                                     .longest = shard.histories.longest,
                                                                     .weight = weight_.view(),
                                                                     .y = y_.view().row_range(0, rows),
                                                                     .saved = saved,
                                                                     .dy = dy_.view().row_range(0, rows),
                                                                     .dgates = {dgates_.view().row_range(0, rows)},
                                                                     .dweight = dweight_.view()});
  }
  void baseline(index_t piece) {
    const auto shard = begin(piece);
    by_loops(shard);
    const auto y = expected_y_.view(), units = units_.view(), dgates = expected_dgates_.view(),
               dweight = expected_dweight_.view();
    std::fill_n(dweight.data, dweight.size(), 0.0f);
    const std::vector<float> zeros(static_cast<std::size_t>(width_), 0.0f);
    std::vector<float> dh(zeros), dproducts(static_cast<std::size_t>(3 * width_));
    for (index_t user = 0; user < shard.histories.users(); ++user) {
      const index_t first = shard.histories.offsets()(user);
      dh = zeros;
      for (index_t row = shard.histories.offsets()(user + 1) - 1; row >= first; --row) {
        const float* h = row > first ? y.row(row - 1) : zeros.data();
        for (index_t d = 0; d < width_; ++d) {
          const auto i = static_cast<std::size_t>(d), width = static_cast<std::size_t>(width_);
          const float r = units(row, d), z = units(row, width_ + d), n = units(row, 2 * width_ + d),
                      k = units(row, 3 * width_ + d);
          const float d_h = dh[i] + dy_.view()(row, d), dn = d_h * (1 - z) * (1 - n * n);
          dgates(row, d) = dproducts[i] = dn * k * r * (1 - r);
          dgates(row, width_ + d) = dproducts[width + i] = d_h * (h[d] - n) * z * (1 - z);
          dgates(row, 2 * width_ + d) = dn;
          dproducts[2 * width + i] = dn * r;
          dh[i] = d_h * z;
        }
        for (index_t o = 0; o < 3 * width_; ++o)
          for (index_t d = 0; d < width_; ++d) {
            dweight(o, d) += dproducts[static_cast<std::size_t>(o)] * h[d];
            dh[static_cast<std::size_t>(d)] += dproducts[static_cast<std::size_t>(o)] * weight_.view()(o, d);
          }
      }
    }
  }
  std::vector<Result> results() const {
    return {{elements(dgates_), elements(expected_dgates_)}, {elements(dweight_), elements(expected_dweight_)}};
  }

 private:
  Matrix dy_, dgates_, expected_dgates_, dweight_, expected_dweight_;
};

const std::vector<std::string> letters = {"B", "L", "F"};
const std::vector<std::vector<std::int64_t>> sizes = {{128, 200, 64}, {128, 200, 128}};
const bool registered = compare<Forward>("gru/forward", "plain_loops", letters, sizes) &&
                        compare<Backward>("gru/forward_and_backward", "plain_loops", letters, sizes);

}  // namespace
