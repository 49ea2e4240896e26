// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/dropout.hpp"
#include "seqrec/cpu/pieces.hpp"
#include "seqrec/cpu/softmax.hpp"

// What self-attention does with a row of its square between the products. A row is worked on in whole pieces, a
// register or two at a time, so it has room behind its last visible column, up to a whole piece; what is left behind
// that column, up to `columns`, is 0.

namespace seqrec::cpu::detail {

/// Logits become probabilities, softmax(scale x).
/// @param seen visible columns, at least one   @param columns at least `seen`
template <class S>
void softmax_row(S* x, index_t seen, index_t columns, S scale) {
  constexpr index_t size = piece_size<S>;
  const index_t whole = round_up(seen, size);
  std::fill(x + seen, x + whole, -std::numeric_limits<S>::infinity());
  Piece<S> highest = load_piece(x, size);
  for (index_t j = size; j < whole; j += size) highest = highest.max(load_piece(x + j, size));
  const S top = highest.maxCoeff();
  Piece<S> sum = Piece<S>::Zero();
  for (index_t j = 0; j < whole; j += size) {
    const Piece<S> power = exp_of_nonpositive<S>((load_piece(x + j, size) - top) * scale);
    store_piece(power, x + j, size);
    sum += power;
  }
  const S share = S(1) / sum.sum();
  for (index_t j = 0; j < whole; j += size) store_piece<S>(load_piece(x + j, size) * share, x + j, size);
  std::fill(x + seen, x + std::max(whole, columns), S(0));
}

/// y = x where the mask keeps, times `kept`; 0 elsewhere.
template <class S>
void mask_row(const S* x, const std::uint64_t* mask, S kept, index_t seen, index_t columns, S* y) {
  constexpr index_t size = piece_size<S>;
  for (index_t j = 0; j < seen; j += size)
    store_piece<S>(load_piece(x + j, size) * kept_piece(mask, j, kept), y + j, size);
  std::fill(y + seen, y + std::max(round_up(seen, size), columns), S(0));
}

/// The gradients g of probabilities (after dropout) become those of logits: scale p (g - mean), where `mean` is the sum
/// of p g, which is also that of y dy of the row's result (Dao et al. 2022, arXiv:2205.14135, appendix B.4).
/// @param mask  of the row, or null; then the weights, p under the mask, are written as well
template <class S>
void softmax_gradient_row(const S* p, S mean, S scale, const std::uint64_t* mask, S kept, index_t seen, index_t columns,
                          S* g, S* weights) {
  constexpr index_t size = piece_size<S>;
  for (index_t j = 0; j < seen; j += size) {
    const Piece<S> probability = load_piece(p + j, size);
    Piece<S> gradient = load_piece(g + j, size);
    if (mask != nullptr) {
      const Piece<S> factor = kept_piece(mask, j, kept);
      gradient *= factor;
      store_piece<S>(probability * factor, weights + j, size);
    }
    store_piece<S>((gradient - mean) * probability * scale, g + j, size);
  }
  const index_t end = std::max(round_up(seen, size), columns);
  std::fill(g + seen, g + end, S(0));
  if (mask != nullptr) std::fill(weights + seen, weights + end, S(0));
}

/// Weights of the pointwise attention: share silu(x), under the mask if there is one.
template <class S>
void silu_row(const S* x, S share, const std::uint64_t* mask, S kept, index_t seen, index_t columns, S* weights) {
  constexpr index_t size = piece_size<S>;
  for (index_t j = 0; j < seen; j += size) {
    const Piece<S> logit = load_piece(x + j, size);
    Piece<S> weight = logit * logit.logistic() * share;
    if (mask != nullptr) weight *= kept_piece(mask, j, kept);
    store_piece(weight, weights + j, size);
  }
  std::fill(weights + seen, weights + std::max(round_up(seen, size), columns), S(0));
}

/// The gradients g of such weights become those of logits; the weights are made again.
template <class S>
void silu_gradient_row(const S* x, S share, const std::uint64_t* mask, S kept, index_t seen, index_t columns, S* g,
                       S* weights) {
  constexpr index_t size = piece_size<S>;
  for (index_t j = 0; j < seen; j += size) {
    const Piece<S> logit = load_piece(x + j, size), open = logit.logistic();
    Piece<S> factor = Piece<S>::Constant(share);
    if (mask != nullptr) factor *= kept_piece(mask, j, kept);
    store_piece<S>(load_piece(g + j, size) * factor * open * (S(1) + logit * (S(1) - open)), g + j, size);
    store_piece<S>(logit * open * factor, weights + j, size);
  }
  const index_t end = std::max(round_up(seen, size), columns);
  std::fill(g + seen, g + end, S(0));
  std::fill(weights + seen, weights + end, S(0));
}

/// Masks of attention weights. Rows are numbered (row, head) by (row, head), and of each only the visible columns are
/// drawn.
template <class Ctx>
class AttentionMask {
 public:
  using S = typename Ctx::Scalar;

  AttentionMask(Ctx& context, const Dropout& mask, VectorView<const offset_t, HostSpace> offsets, index_t heads,
                index_t longest)
      : heads_(heads), stride_(mask_words(longest)), kept_(static_cast<S>(mask.scale())) {
    if (!mask.active()) return;
    const index_t rows = offsets(offsets.size() - 1) * heads;
    words_ = context.mask_of_shard({mask, rows, longest, true}, rows * stride_, [&](std::uint64_t* words) {
      for (index_t b = 0; b + 1 < offsets.size(); ++b) {
        const index_t first = offsets(b) * heads, number = index_t{mask.first_row} * heads + first;
        draw_mask(
            mask, offsets(b + 1) * heads - first, [&](index_t i) { return number + i; },
            [&](index_t i) { return i / heads + 1; }, words + first * stride_, stride_);
      }
    });
  }

  bool active() const { return words_ != nullptr; }
  /// The bits of a row, counted in the shard; null where nothing is dropped.
  const std::uint64_t* row(index_t row, index_t head) const {
    return active() ? words_ + (row * heads_ + head) * stride_ : nullptr;
  }
  /// What kept elements are multiplied by.
  S kept() const { return kept_; }

 private:
  index_t heads_, stride_;
  S kept_;
  const std::uint64_t* words_ = nullptr;
};

}  // namespace seqrec::cpu::detail
