// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/ops/prefix_mean.hpp"

namespace seqrec::cpu {

template <class S, int W>
void prefix_mean_forward(BasicContext<S, W>& context, const PrefixMeanForward<BasicContext<S, W>>& a) {
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
