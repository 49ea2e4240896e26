// SPDX-License-Identifier: Apache-2.0
// Drawing dropout masks, by the vectorised kernel and element by element.

#include "harness.hpp"
#include "seqrec/cpu/dropout.hpp"

namespace {

using namespace benchmarks;

class Masks {
 public:
  explicit Masks(const benchmark::State& state)
      : rows_(state.range(0)),
        width_(state.range(1)),
        stride_(seqrec::round_up(width_, seqrec::cpu::dropout_group)),
        factors_(rows_, stride_),
        expected_(rows_, stride_) {
    context_.begin_step(1, 1);
    mask_ = context_.next_dropout(0.2, 0);
  }
  index_t pieces() const { return 1; }
  void run(index_t) {
    const auto same = [](index_t row) { return row; };
    seqrec::cpu::dropout_factors(mask_, rows_, same, width_, factors_.view().data, stride_);
  }
  void baseline(index_t) {
    const auto scale = static_cast<float>(mask_.scale());
    for (index_t row = 0; row < rows_; ++row)
      for (index_t d = 0; d < stride_; ++d)
        expected_.view()(row, d) =
            mask_.keeps(static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(d)) ? scale : 0.0f;
  }
  std::vector<Result> results() const { return {{elements(factors_), elements(expected_)}}; }
  Cost cost() const { return {static_cast<double>(rows_), 0}; }

 private:
  Context context_;
  seqrec::Dropout mask_;
  index_t rows_, width_, stride_;
  Matrix factors_, expected_;
};

const bool registered = compare<Masks>("dropout/masks", "element_by_element", {"N", "D"}, {{256, 64}, {256, 200}});

}  // namespace
