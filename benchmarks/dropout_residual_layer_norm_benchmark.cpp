// SPDX-License-Identifier: Apache-2.0
// Dropout, residual sum and layer norm in one pass, forward and backward, over a batch's shards.

#include <cmath>

#include "harness.hpp"
#include "seqrec/cpu/dropout_residual_layer_norm.hpp"

namespace {

using namespace benchmarks;

class Norm : protected OnBatch {
 public:
  using OnBatch::pieces;

 protected:
  explicit Norm(const benchmark::State& state)
      : OnBatch(state),
        width_(state.range(2)),
        x_(random_matrix(load_.most_rows(), width_, 1)),
        residual_(random_matrix(load_.most_rows(), width_, 2)),
        gamma_(random_vector(width_, 3)),
        beta_(random_vector(width_, 4)),
        sum_(load_.most_rows(), width_),
        y_(load_.most_rows(), width_),
        expected_y_(load_.most_rows(), width_),
        mean_(load_.most_rows()),
        rstd_(load_.most_rows()) {}

  seqrec::Dropout mask(const seqrec::TrainingBatch<HostSpace>& shard) {
    return context_.next_dropout(0.2, shard.histories.first_row);
  }
  static bool kept(const seqrec::Dropout& mask, index_t row, index_t column) {
    return mask.keeps(mask.first_row + static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(column));
  }
  auto rows_of(Matrix& matrix, index_t rows) { return matrix.view().row_range(0, rows); }

  index_t width_;
  Matrix x_, residual_;
  Vector gamma_, beta_;
  Matrix sum_, y_, expected_y_;
  Vector mean_, rstd_;
};

struct Forward : Norm {
  explicit Forward(const benchmark::State& state) : Norm(state) {}
  void run(index_t piece) {
    const auto shard = begin(piece);
    const index_t rows = shard.histories.rows();
    seqrec::ops::dropout_residual_layer_norm_forward(
        context_, seqrec::DropoutResidualLayerNormForward<Context>{rows_of(x_, rows), rows_of(residual_, rows),
                                                                   gamma_.view(), beta_.view(), rows_of(sum_, rows),
                                                                   rows_of(y_, rows), mean_.view().row_range(0, rows),
                                                                   rstd_.view().row_range(0, rows), 1e-8, mask(shard)});
  }
  void baseline(index_t piece) {
    const auto shard = begin(piece);
    const seqrec::Dropout dropout = mask(shard);
    const auto keep = static_cast<float>(dropout.scale());
    const auto sum = sum_.view(), y = expected_y_.view();
    for (index_t i = 0; i < shard.histories.rows(); ++i) {
      float total = 0, squares = 0;
      for (index_t d = 0; d < width_; ++d) {
        sum(i, d) = residual_.view()(i, d) + (kept(dropout, i, d) ? keep * x_.view()(i, d) : 0.0f);
        total += sum(i, d);
      }
      const float mean = total / static_cast<float>(width_);
      for (index_t d = 0; d < width_; ++d) squares += (sum(i, d) - mean) * (sum(i, d) - mean);
      const float rstd = 1.0f / std::sqrt(squares / static_cast<float>(width_) + 1e-8f);
      for (index_t d = 0; d < width_; ++d) y(i, d) = (sum(i, d) - mean) * rstd * gamma_.view()(d) + beta_.view()(d);
    }
  }
  std::vector<Result> results() const { return {{elements(y_), elements(expected_y_)}}; }
  Cost cost() const { return {rows(), 0}; }
};

struct Backward : Norm {
  explicit Backward(const benchmark::State& state)
      : Norm(state),
        dy_(random_matrix(load_.most_rows(), width_, 5)),
        dsum_(random_matrix(load_.most_rows(), width_, 6)),
        dx_(load_.most_rows(), width_),
        dresidual_(load_.most_rows(), width_),
        expected_dx_(load_.most_rows(), width_),
        expected_dresidual_(load_.most_rows(), width_),
        dgamma_(width_),
        dbeta_(width_),
        expected_dgamma_(width_),
        expected_dbeta_(width_) {
    const seqrec::Dropout none;
    seqrec::ops::dropout_residual_layer_norm_forward(
        context_, seqrec::DropoutResidualLayerNormForward<Context>{x_.view(), residual_.view(), gamma_.view(),
                                                                   beta_.view(), sum_.view(), y_.view(), mean_.view(),
                                                                   rstd_.view(), 1e-8, none});
  }
  void run(index_t piece) {
    const auto shard = begin(piece);
    const index_t rows = shard.histories.rows();
    const auto target = [&](Matrix& matrix) {
      return seqrec::Gradient<Context>{rows_of(matrix, rows), seqrec::GradientMode::write};
    };
    seqrec::ops::dropout_residual_layer_norm_backward(
        context_, seqrec::DropoutResidualLayerNormBackward<Context>{
                      rows_of(sum_, rows), gamma_.view(), mean_.view().row_range(0, rows),
                      rstd_.view().row_range(0, rows), rows_of(dy_, rows), rows_of(dsum_, rows), target(dx_),
                      target(dresidual_), dgamma_.view(), dbeta_.view(), mask(shard)});
  }
  void baseline(index_t piece) {
    const auto shard = begin(piece);
    const seqrec::Dropout dropout = mask(shard);
    const auto keep = static_cast<float>(dropout.scale());
    const auto sum = sum_.view(), dy = dy_.view();
    for (index_t i = 0; i < shard.histories.rows(); ++i) {
      const float mean = mean_.view()(i), rstd = rstd_.view()(i);
      float average = 0, slope = 0;
      for (index_t d = 0; d < width_; ++d) {
        const float normalised = (sum(i, d) - mean) * rstd, g = dy(i, d) * gamma_.view()(d);
        expected_dgamma_.view()(d) += dy(i, d) * normalised;
        expected_dbeta_.view()(d) += dy(i, d);
        average += g;
        slope += g * normalised;
      }
      average /= static_cast<float>(width_);
      slope /= static_cast<float>(width_);
      for (index_t d = 0; d < width_; ++d) {
        const float normalised = (sum(i, d) - mean) * rstd;
        const float ds = (dy(i, d) * gamma_.view()(d) - average - normalised * slope) * rstd + dsum_.view()(i, d);
        expected_dresidual_.view()(i, d) = ds;
        expected_dx_.view()(i, d) = kept(dropout, i, d) ? ds * keep : 0.0f;
      }
    }
  }
  std::vector<Result> results() const {
    return {{elements(dx_), elements(expected_dx_)},
            {elements(dresidual_), elements(expected_dresidual_)},
            {elements(dgamma_), elements(expected_dgamma_)},
            {elements(dbeta_), elements(expected_dbeta_)}};
  }
  Cost cost() const { return {rows(), 0}; }

 private:
  Matrix dy_, dsum_, dx_, dresidual_, expected_dx_, expected_dresidual_;
  Vector dgamma_, dbeta_, expected_dgamma_, expected_dbeta_;
};

const std::vector<std::string> letters = {"B", "L", "D"};
const std::vector<std::vector<std::int64_t>> sizes = {{128, 200, 64}, {128, 200, 50}};
const bool registered = compare<Forward>("dropout_residual_layer_norm/forward", "plain_loops", letters, sizes) &&
                        compare<Backward>("dropout_residual_layer_norm/backward", "plain_loops", letters, sizes);

}  // namespace
