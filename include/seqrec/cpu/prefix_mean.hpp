// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/ops/prefix_mean.hpp"

namespace seqrec::cpu {

namespace detail {

/// The softmax of recency weights, row by row of a history.
template <class Ctx>
class RecencySoftmax {
 public:
  using S = typename Ctx::Scalar;

  RecencySoftmax(Ctx& context, VectorView<const S, HostSpace> recency)
      : recency_(recency), powers_(context.vector(recency.size())) {}

  void begin_history() { row_ = -1; }

  /// Goes on to the next row.
  void step() {
    ++row_;
    if (row_ >= recency_.size()) {  // one more of those that share the last weight
      sum_ += powers_(recency_.size() - 1);
      return;
    }
    if (row_ == 0 || recency_(row_) > highest_) {  // so that none overflows and the sum is at least 1
      highest_ = recency_(row_);
      sum_ = 0;
      for (index_t d = 0; d < row_; ++d) sum_ += powers_(d) = std::exp(recency_(d) - highest_);
    }
    sum_ += powers_(row_) = std::exp(recency_(row_) - highest_);
  }

  /// Distances with a weight of their own that the row sees: 0 .. own() - 1.
  index_t own() const { return std::min(row_ + 1, recency_.size() - 1); }
  /// Rows before them, which share the last weight.
  index_t shared() const { return row_ + 1 - own(); }
  /// What a row at this distance weighs.
  S weight(index_t distance) const { return powers_(distance) / sum_; }
  S shared_weight() const { return shared() > 0 ? weight(recency_.size() - 1) : S(0); }

 private:
  VectorView<const S, HostSpace> recency_;  ///< (R)
  VectorView<S, HostSpace> powers_;         ///< (R) exp(w - the highest so far)
  index_t row_ = -1;
  S highest_ = 0, sum_ = 0;
};

template <class Context>
void recency_mean_forward(Context& context, const PrefixMeanForward<Context>& a) {
  const index_t width = a.x.columns();
  auto sum = array(context.vector(width).data, width);  // of the rows that share the last weight
  RecencySoftmax<Context> softmax(context, a.recency);
  for (index_t b = 0; b + 1 < a.offsets.size(); ++b) {
    softmax.begin_history();
    sum.setZero();
    for (index_t row = a.offsets(b); row < a.offsets(b + 1); ++row) {
      softmax.step();
      auto y = row_array(a.y, row);
      if (softmax.shared() > 0) sum += row_array(a.x, row - softmax.own());
      y = sum * softmax.shared_weight();
      for (index_t d = softmax.own() - 1; d >= 0; --d) y += softmax.weight(d) * row_array(a.x, row - d);
    }
  }
}

template <class Context>
void recency_mean_backward(Context& context, const PrefixMeanBackward<Context>& a) {
  using S = typename Context::Scalar;
  const index_t width = a.dy.columns(), distances = a.recency.size();
  auto sum = array(context.vector(width).data, width);
  const auto shared_weights = context.vector(a.dy.rows());
  RecencySoftmax<Context> softmax(context, a.recency);
  if (a.dx && !a.dx.adds())
    for (index_t row = 0; row < a.dy.rows(); ++row) row_array(a.dx.view, row).setZero();
  for (index_t b = 0; b + 1 < a.offsets.size(); ++b) {
    softmax.begin_history();
    sum.setZero();
    for (index_t row = a.offsets(b); row < a.offsets(b + 1); ++row) {
      softmax.step();
      const auto dy = row_array(a.dy, row);
      shared_weights(row) = softmax.shared_weight();
      if (a.dx)
        for (index_t d = 0; d < softmax.own(); ++d) row_array(a.dx.view, row - d) += softmax.weight(d) * dy;
      if (!a.drecency) continue;
      const S mean = (dy * row_array(a.y, row)).sum();
      for (index_t d = 0; d < softmax.own(); ++d)
        a.drecency(d) += softmax.weight(d) * ((dy * row_array(a.x, row - d)).sum() - mean);
      if (softmax.shared() == 0) continue;
      sum += row_array(a.x, row - softmax.own());
      a.drecency(distances - 1) +=
          softmax.shared_weight() * ((dy * sum).sum() - static_cast<S>(softmax.shared()) * mean);
    }
    if (!a.dx) continue;
    sum.setZero();  // from here on what later rows owe to all that share the last weight
    for (index_t row = a.offsets(b + 1) - distances; row >= a.offsets(b); --row) {
      sum += shared_weights(row + distances - 1) * row_array(a.dy, row + distances - 1);
      row_array(a.dx.view, row) += sum;
    }
  }
}

}  // namespace detail

template <class S, int W>
void prefix_mean_forward(BasicContext<S, W>& context, const PrefixMeanForward<BasicContext<S, W>>& a) {
  if (a.recency) return detail::recency_mean_forward(context, a);
  const index_t width = a.x.columns();
  auto sum = array(context.vector(width).data, width);
  for (index_t b = 0; b + 1 < a.offsets.size(); ++b) {
    const index_t first = a.offsets(b), length = a.offsets(b + 1) - first;
    sum.setZero();
    for (index_t r = 0; r < length; ++r) {
      sum += row_array(a.x, first + r);
      row_array(a.y, first + r) = sum * (S(1) / static_cast<S>(r + 1));
    }
  }
}

template <class S, int W>
void prefix_mean_backward(BasicContext<S, W>& context, const PrefixMeanBackward<BasicContext<S, W>>& a) {
  if (a.recency) return detail::recency_mean_backward(context, a);
  const index_t width = a.dy.columns();
  auto sum = array(context.vector(width).data, width);
  for (index_t b = 0; b + 1 < a.offsets.size(); ++b) {
    const index_t first = a.offsets(b), length = a.offsets(b + 1) - first;
    sum.setZero();
    for (index_t r = length - 1; r >= 0; --r) {
      sum += row_array(a.dy, first + r) * (S(1) / static_cast<S>(r + 1));
      leave_row(a.dx, first + r, sum);
    }
  }
}

}  // namespace seqrec::cpu
