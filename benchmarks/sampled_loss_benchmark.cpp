// SPDX-License-Identifier: Apache-2.0
// Binary cross-entropy of each target against one sampled negative, with the gradient of the states.

#include <cmath>

#include "harness.hpp"
#include "seqrec/cpu/sampled_loss.hpp"

namespace {

using namespace benchmarks;

class Loss : protected OnBatch {
 public:
  using OnBatch::pieces;
  explicit Loss(const benchmark::State& state)
      : OnBatch(state),
        width_(state.range(2)),
        states_(random_matrix(load_.most_rows(), width_, 1)),
        table_(random_matrix(movielens_1m::items, width_, 2, 0.1)),
        coefficients_(2 * load_.most_rows()),
        expected_coefficients_(2 * load_.most_rows()),
        dstates_(load_.most_rows(), width_),
        expected_dstates_(load_.most_rows(), width_) {}

  void run(index_t piece) {
    const auto shard = begin(piece);
    const index_t rows = shard.histories.rows();
    seqrec::ops::sampled_loss(
        context_, seqrec::SampledLoss<Context, seqrec::BinaryCrossEntropy>{states_.view().row_range(0, rows),
                                                                           {table_.view()},
                                                                           shard.next.items,
                                                                           shard.loss_scale,
                                                                           context_.vector<double>(rows),
                                                                           coefficients_.view().row_range(0, 2 * rows),
                                                                           dstates_.view().row_range(0, rows),
                                                                           seqrec::BinaryCrossEntropy{}});
  }
  void baseline(index_t piece) {
    const auto shard = begin(piece);
    const auto scale = static_cast<float>(shard.loss_scale);
    for (index_t row = 0; row < shard.histories.rows(); ++row) {
      float* const dstate = expected_dstates_.view().row(row);
      for (index_t d = 0; d < width_; ++d) dstate[d] = 0;
      for (index_t j = 0; j < 2; ++j) {
        const float* const item = table_.view().row(shard.next.items(row, j));
        float score = 0;
        for (index_t d = 0; d < width_; ++d) score += states_.view()(row, d) * item[d];
        const float label = j == 0 ? 1.0f : 0.0f, slope = scale * (1.0f / (1.0f + std::exp(-score)) - label);
        expected_coefficients_.view()(2 * row + j) = slope;
        for (index_t d = 0; d < width_; ++d) dstate[d] += slope * item[d];
      }
    }
  }
  std::vector<Result> results() const {
    return {{elements(coefficients_), elements(expected_coefficients_)},
            {elements(dstates_), elements(expected_dstates_)}};
  }
  Cost cost() const { return {rows(), 8 * rows() * static_cast<double>(width_)}; }

 private:
  index_t width_;
  Matrix states_, table_;
  Vector coefficients_, expected_coefficients_;
  Matrix dstates_, expected_dstates_;
};

const bool registered = compare<Loss>("sampled_loss/bce/forward_backward", "plain_loops", {"B", "L", "D"},
                                      {{128, 200, 64}, {128, 200, 50}});

}  // namespace
