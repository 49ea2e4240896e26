// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/attention_bias.hpp"
#include "seqrec/cpu/attention_rows.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/gemm.hpp"
#include "seqrec/cpu/self_attention.hpp"
#include "seqrec/ops/last_row_attention.hpp"

namespace seqrec::cpu {

template <class S, int W>
void last_row_attention(BasicContext<S, W>& context, const LastRowAttention<BasicContext<S, W>>& a) {
  const index_t head_width = a.q.columns() / a.heads;
  const auto scale = static_cast<S>(detail::logit_scale(a)), share = static_cast<S>(1.0 / a.divisor);
  detail::AttentionBiasRows<BasicContext<S, W>> bias(context, a.bias, a.longest);
  S* const row = context.vector(detail::attention_stride(a.longest)).data;
  for (index_t b = 0; b + 1 < a.offsets.size(); ++b) {
    const index_t first = a.offsets(b), length = a.offsets(b + 1) - first;
    if (length == 0) {
      row_array(a.y, b).setZero();
      continue;
    }
    bias.begin(first, length, length - 1);
    const MatrixView<S, HostSpace> weights(row, 1, length);
    for (index_t head = 0; head < a.heads; ++head) {
      const auto columns = [&](auto matrix) { return matrix.column_range(head * head_width, head_width); };
      gemm(columns(a.q.row_range(b, 1)), transposed(columns(a.k.row_range(first, length))), weights);
      if (bias) {
        array(row, length) *= scale;
        bias.add_to(row, head, length - 1);
      }
      if (a.weights == AttentionWeights::silu)
        detail::silu_row<S>(row, share, nullptr, S(1), length, length, row);
      else
        detail::softmax_row(row, length, length, bias ? S(1) : scale);
      gemm(weights, columns(a.v.row_range(first, length)), columns(a.y.row_range(b, 1)));
    }
  }
}

}  // namespace seqrec::cpu
