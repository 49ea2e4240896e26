// SPDX-License-Identifier: Apache-2.0
// What SwiGLU does between its products, forward and backward, over a batch's shards.

#include "harness.hpp"
#include "seqrec/cpu/gated_silu.hpp"

namespace {

using namespace benchmarks;

class Gate : protected OnBatch {
 public:
  using OnBatch::pieces;
  explicit Gate(const benchmark::State& state)
      : OnBatch(state),
        width_(state.range(2)),
        gate_(random_matrix(load_.most_rows(), width_, 1, 2.0)),
        x_(random_matrix(load_.most_rows(), width_, 2)),
        dy_(random_matrix(load_.most_rows(), width_, 3)),
        y_(load_.most_rows(), width_),
        dgate_(load_.most_rows(), width_),
        dx_(load_.most_rows(), width_),
        expected_y_(load_.most_rows(), width_),
        expected_dgate_(load_.most_rows(), width_),
        expected_dx_(load_.most_rows(), width_) {}

  void run(index_t piece) {
    const index_t rows = begin(piece).histories.rows();
    const auto of = [rows](Matrix& matrix) { return matrix.view().row_range(0, rows); };
    seqrec::ops::gated_silu_forward(context_, seqrec::GatedSiluForward<Context>{of(gate_), of(x_), of(y_), {}});
    seqrec::ops::gated_silu_backward(
        context_, seqrec::GatedSiluBackward<Context>{of(gate_), of(x_), of(dy_), {of(dgate_)}, {of(dx_)}, {}});
  }
  void baseline(index_t piece) {
    const index_t size = begin(piece).histories.rows() * width_;
    const float *gate = gate_.view().data, *x = x_.view().data, *dy = dy_.view().data;
    for (index_t i = 0; i < size; ++i) {
      const float open = 1 / (1 + std::exp(-gate[i]));
      expected_y_.view().data[i] = gate[i] * open * x[i];
      expected_dgate_.view().data[i] = dy[i] * x[i] * open * (1 + gate[i] * (1 - open));
      expected_dx_.view().data[i] = dy[i] * gate[i] * open;
    }
  }
  std::vector<Result> results() const {
    return {{elements(y_), elements(expected_y_)},
            {elements(dgate_), elements(expected_dgate_)},
            {elements(dx_), elements(expected_dx_)}};
  }
  Cost cost() const { return {rows(), 0}; }

 private:
  index_t width_;
  Matrix gate_, x_, dy_, y_, dgate_, dx_, expected_y_, expected_dgate_, expected_dx_;
};

const bool registered =
    compare<Gate>("gated_silu/forward_backward", "plain_loops", {"B", "L", "F"}, {{128, 200, 256}, {128, 50, 64}});

}  // namespace
