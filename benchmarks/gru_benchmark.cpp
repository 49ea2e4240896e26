// SPDX-License-Identifier: Apache-2.0
// A GRU as wide as its inputs over a batch's histories, forward and backward.

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
        x_(random_matrix(load_.most_rows(), width_, 1)),
        input_weight_(random_matrix(3 * width_, width_, 4)),
        weight_(random_matrix(3 * width_, width_, 2)),
        y_(load_.most_rows(), width_),
        expected_y_(load_.most_rows(), width_),
        units_(load_.most_rows(), 4 * width_) {
    // Weights as a layer has them; of the order of 1 they would make every gate a switch.
    for (const auto& weight : {input_weight_.view(), weight_.view()})
      for (index_t i = 0; i < weight.size(); ++i) weight.data[i] /= std::sqrt(static_cast<float>(width_));
  }

  Cost cost() const {
    return {rows(), operations_ * rows() * static_cast<double>(width_) * static_cast<double>(width_)};
  }

  seqrec::vector_of<Context> forward(const seqrec::TrainingBatch<HostSpace>& shard) {
    const index_t rows = shard.histories.rows();
    const auto saved = context_.vector(seqrec::ops::gru_saved_size(context_, rows, width_));
    seqrec::ops::gru_forward(context_, seqrec::GruForward<Context>{.offsets = shard.histories.offsets(),
                                                                   .longest = shard.histories.longest,
                                                                   .x = x_.view().row_range(0, rows),
                                                                   .input_weight = input_weight_.view(),
                                                                   .weight = weight_.view(),
                                                                   .y = y_.view().row_range(0, rows),
                                                                   .saved = saved});
    return saved;
  }

  /// One history and one row after the other; leaves r, z, n and U_n h of each row.
  void by_loops(const seqrec::TrainingBatch<HostSpace>& shard) {
    const auto y = expected_y_.view(), units = units_.view();
    const std::vector<float> zeros(static_cast<std::size_t>(width_), 0.0f);
    for (index_t user = 0; user < shard.histories.users(); ++user)
      for (index_t row = shard.histories.offsets()(user); row < shard.histories.offsets()(user + 1); ++row) {
        const float* h = row > shard.histories.offsets()(user) ? y.row(row - 1) : zeros.data();
        for (index_t d = 0; d < width_; ++d) {
          const float* const x = x_.view().row(row);
          const auto of_both = [&](index_t i) { return product(input_weight_, i, x) + product(weight_, i, h); };
          const float r = sigmoid(of_both(d)), z = sigmoid(of_both(width_ + d));
          const index_t i = 2 * width_ + d;
          const float k = product(weight_, i, h), n = std::tanh(product(input_weight_, i, x) + r * k);
          y(row, d) = (1 - z) * n + z * h[d];
          units(row, d) = r;
          units(row, width_ + d) = z;
          units(row, 2 * width_ + d) = n;
          units(row, 3 * width_ + d) = k;
        }
      }
  }
  float product(const Matrix& weight, index_t row, const float* x) const {
    const float* const w = weight.view().row(row);
    float sum = 0;
    for (index_t d = 0; d < width_; ++d) sum += w[d] * x[d];
    return sum;
  }

  index_t width_;
  double operations_;
  Matrix x_, input_weight_, weight_, y_, expected_y_, units_;
};

struct Forward : Recurrence {
  explicit Forward(const benchmark::State& state) : Recurrence(state, 12) {}
  using Recurrence::cost;
  void run(index_t piece) { forward(begin(piece)); }
  void baseline(index_t piece) { by_loops(begin(piece)); }
  std::vector<Result> results() const { return {{elements(y_), elements(expected_y_)}}; }
};

/// The forward pass with it, which leaves what backward reads.
struct Backward : Recurrence {
  explicit Backward(const benchmark::State& state)
      : Recurrence(state, 36),
        dy_(random_matrix(load_.most_rows(), width_, 3)),
        dx_(load_.most_rows(), width_),
        expected_dx_(load_.most_rows(), width_),
        dinput_weight_(3 * width_, width_),
        expected_dinput_weight_(3 * width_, width_),
        dweight_(3 * width_, width_),
        expected_dweight_(3 * width_, width_) {}
  using Recurrence::cost;

  void run(index_t piece) {
    const auto shard = begin(piece);
    const index_t rows = shard.histories.rows();
    const auto saved = forward(shard);
    for (const auto& gradient : {dinput_weight_.view(), dweight_.view()})
      std::fill_n(gradient.data, gradient.size(), 0.0f);
    seqrec::ops::gru_backward(context_, seqrec::GruBackward<Context>{.offsets = shard.histories.offsets(),
                                                                     .longest = shard.histories.longest,
                                                                     .x = x_.view().row_range(0, rows),
                                                                     .input_weight = input_weight_.view(),
                                                                     .weight = weight_.view(),
                                                                     .y = y_.view().row_range(0, rows),
                                                                     .saved = saved,
                                                                     .dy = dy_.view().row_range(0, rows),
                                                                     .dx = {dx_.view().row_range(0, rows)},
                                                                     .dinput_weight = dinput_weight_.view(),
                                                                     .dweight = dweight_.view()});
  }
  void baseline(index_t piece) {
    const auto shard = begin(piece);
    by_loops(shard);
    const auto y = expected_y_.view(), units = units_.view();
    const auto dx = expected_dx_.view().row_range(0, shard.histories.rows());
    for (const auto& gradient : {dx, expected_dinput_weight_.view(), expected_dweight_.view()})
      std::fill_n(gradient.data, gradient.size(), 0.0f);
    const std::vector<float> zeros(static_cast<std::size_t>(width_), 0.0f);
    std::vector<float> dh(zeros), dgates(static_cast<std::size_t>(3 * width_)), dproducts(dgates);
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
          dgates[i] = dproducts[i] = dn * k * r * (1 - r);
          dgates[width + i] = dproducts[width + i] = d_h * (h[d] - n) * z * (1 - z);
          dgates[2 * width + i] = dn;
          dproducts[2 * width + i] = dn * r;
          dh[i] = d_h * z;
        }
        back_through(dproducts, weight_, h, expected_dweight_, dh.data());
        back_through(dgates, input_weight_, x_.view().row(row), expected_dinput_weight_, dx.row(row));
      }
    }
  }
  std::vector<Result> results() const {
    return {{elements(dx_), elements(expected_dx_)},
            {elements(dinput_weight_), elements(expected_dinput_weight_)},
            {elements(dweight_), elements(expected_dweight_)}};
  }

 private:
  /// Adds the gradients of weight and x, of which d is that of the product.
  void back_through(const std::vector<float>& d, const Matrix& weight, const float* x, Matrix& dweight,
                    float* dx) const {
    for (index_t o = 0; o < 3 * width_; ++o)
      for (index_t i = 0; i < width_; ++i) {
        dweight.view()(o, i) += d[static_cast<std::size_t>(o)] * x[i];
        dx[i] += d[static_cast<std::size_t>(o)] * weight.view()(o, i);
      }
  }

  Matrix dy_, dx_, expected_dx_, dinput_weight_, expected_dinput_weight_, dweight_, expected_dweight_;
};

const std::vector<std::string> letters = {"B", "L", "F"};
const std::vector<std::vector<std::int64_t>> sizes = {{128, 200, 64}, {128, 200, 128}};
const bool registered = compare<Forward>("gru/forward", "plain_loops", letters, sizes) &&
                        compare<Backward>("gru/forward_and_backward", "plain_loops", letters, sizes);

}  // namespace
