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
        factors_(rows_, width_),
        expected_(rows_, width_),
        words_(static_cast<std::size_t>(rows_ * seqrec::cpu::mask_words(width_))) {
    context_.begin_step(1, 1);
    mask_ = context_.next_dropout(0.2, 0);
  }
  index_t pieces() const { return 1; }
  void run(index_t) {
    const index_t words = seqrec::cpu::mask_words(width_);
    seqrec::cpu::draw_mask(
        mask_, rows_, [](index_t row) { return row; }, [&](index_t) { return width_; }, words_.data(), words);
    for (index_t row = 0; row < rows_; ++row) {
      float* const factors = factors_.view().row(row);
      std::fill_n(factors, width_, 1.0f);
      seqrec::cpu::mask_elements(
          factors, width_, seqrec::cpu::KeptRow<float>{words_.data() + row * words, static_cast<float>(mask_.scale())});
    }
  }
  void baseline(index_t) {
    const auto scale = static_cast<float>(mask_.scale());
    for (index_t row = 0; row < rows_; ++row)
      for (index_t d = 0; d < width_; ++d)
        expected_.view()(row, d) =
            mask_.keeps(static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(d)) ? scale : 0.0f;
  }
  std::vector<Result> results() const { return {{elements(factors_), elements(expected_)}}; }
  Cost cost() const { return {static_cast<double>(rows_), 0}; }

 private:
  Context context_;
  seqrec::Dropout mask_;
  index_t rows_, width_;
  Matrix factors_, expected_;
  std::vector<std::uint64_t> words_;
};

const bool registered = compare<Masks>("dropout/masks", "element_by_element", {"N", "D"}, {{256, 64}, {256, 200}});

}  // namespace
