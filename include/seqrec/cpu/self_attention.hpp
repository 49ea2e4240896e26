// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/attention_bias.hpp"
#include "seqrec/cpu/attention_rows.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/gemm.hpp"
#include "seqrec/ops/self_attention.hpp"

// The triangle of scores is walked in blocks of rows: a block's products stop at its last row's diagonal, so that about
// half of the square is never computed. Probabilities (before dropout), or logits where weights are silu's, are kept
// for backward, one square per history and head; they stay in cache because a shard is small.

namespace seqrec::cpu {

namespace detail {

/// Rows of scores that are computed together: whole register tiles of the product, few enough to waste little of the
/// triangle.
inline constexpr index_t attention_rows = 24;

/// Elements from one row of a square of probabilities to the next: whole registers, so that products with packed keys
/// may write some columns more than there are keys in sight.
constexpr index_t attention_stride(index_t length) { return round_up(length, 16); }

/// What the product of a query and a key is multiplied by.
template <class Arguments>
double logit_scale(const Arguments& a) {
  if (a.weights == AttentionWeights::silu) return 1;
  const index_t head_width = a.q.columns() / a.heads;
  return 1.0 / std::sqrt(static_cast<double>(head_width));
}

}  // namespace detail

template <class S, int W>
void self_attention_saved_size(BasicContext<S, W>&, const SelfAttentionSavedSize<BasicContext<S, W>>& a) {
  index_t size = 0;
  for (index_t b = 0; b + 1 < a.offsets.size(); ++b) {
    const index_t length = a.offsets(b + 1) - a.offsets(b);
    size += a.heads * length * detail::attention_stride(length);
  }
  *a.size = size;
}

template <class S, int W>
void self_attention_forward(BasicContext<S, W>& context, const SelfAttentionForward<BasicContext<S, W>>& a) {
  using detail::attention_rows, detail::attention_stride;
  const index_t head_width = a.q.columns() / a.heads;
  const index_t longest = attention_stride(a.longest);
  const auto scale = static_cast<S>(detail::logit_scale(a)), share = static_cast<S>(1.0 / a.divisor);
  const bool silu = a.weights == AttentionWeights::silu;
  detail::AttentionBiasRows<BasicContext<S, W>> bias(context, a.bias, a.longest);
  const detail::AttentionMask<BasicContext<S, W>> mask(context, a.dropout, a.offsets, a.heads, a.longest);
  const bool copies = mask.active() || silu;  // weights are something else than what is kept for backward
  // Without `saved` one block's probabilities are enough; a masked copy, or weights beside logits, are wanted too.
  S* packed_memory = context.vector(packed_size<S>(head_width, a.longest)).data;
  S* block_memory = a.saved ? nullptr : context.vector(attention_rows * longest).data;
  S* weights_memory = copies ? context.vector(attention_rows * longest).data : nullptr;
  S* square = a.saved.data;
  for (index_t b = 0; b + 1 < a.offsets.size(); ++b) {
    const index_t first = a.offsets(b), length = a.offsets(b + 1) - first, stride = attention_stride(length);
    bias.begin(first, length);
    for (index_t head = 0; head < a.heads; ++head) {
      const auto part = [&](auto matrix) {
        return matrix.row_range(first, length).column_range(head * head_width, head_width);
      };
      const auto q = part(a.q), k = part(a.k), v = part(a.v);
      const auto y = part(a.y);
      const Packed<S> packed_keys = pack(transposed(k), packed_memory);
      for (index_t start = 0; start < length; start += attention_rows) {
        const index_t rows = std::min(attention_rows, length - start), keys = start + rows;
        const MatrixView<S, HostSpace> p(a.saved ? square + start * stride : block_memory, rows,
                                         whole_registers<S>(keys), stride);
        gemm(q.row_range(start, rows), packed_keys.first_columns(p.columns()), p);
        MatrixView<S, HostSpace> weights = p;
        if (copies) weights.data = weights_memory;
        for (index_t i = 0; i < rows; ++i) {
          const index_t seen = start + i + 1;
          const std::uint64_t* const kept = mask.row(first + start + i, head);
          if (bias) {
            array(p.row(i), seen) *= scale;
            bias.add_to(p.row(i), head, start + i);
          }
          if (silu) {
            detail::silu_row(p.row(i), share, kept, mask.kept(), seen, keys, weights.row(i));
            continue;
          }
          detail::softmax_row(p.row(i), seen, keys, bias ? S(1) : scale);
          if (kept != nullptr) detail::mask_row(p.row(i), kept, mask.kept(), seen, keys, weights.row(i));
        }
        gemm(weights.column_range(0, keys), v.row_range(0, keys), y.row_range(start, rows));
      }
      if (a.saved) square += length * stride;
    }
  }
}

template <class S, int W>
void self_attention_backward(BasicContext<S, W>& context, const SelfAttentionBackward<BasicContext<S, W>>& a) {
  using detail::attention_rows, detail::attention_stride;
  const index_t head_width = a.q.columns() / a.heads;
  const index_t longest = a.longest;
  const auto scale = static_cast<S>(detail::logit_scale(a)), share = static_cast<S>(1.0 / a.divisor);
  const bool silu = a.weights == AttentionWeights::silu;
  detail::AttentionBiasRows<BasicContext<S, W>> bias(context, a.bias, longest);
  const detail::AttentionMask<BasicContext<S, W>> mask(context, a.dropout, a.offsets, a.heads, longest);
  const bool copies = mask.active() || silu;
  S* packed_memory = context.vector(packed_size<S>(head_width, longest)).data;
  S* score_gradients = context.vector(longest * attention_stride(longest)).data;
  S* weights_memory = copies ? context.vector(longest * attention_stride(longest)).data : nullptr;
  const S* square = a.saved.data;
  for (index_t b = 0; b + 1 < a.offsets.size(); ++b) {
    const index_t first = a.offsets(b), length = a.offsets(b + 1) - first, stride = attention_stride(length);
    bias.begin(first, length);
    for (index_t head = 0; head < a.heads; ++head) {
      const auto part = [&](auto matrix) {
        return matrix.row_range(first, length).column_range(head * head_width, head_width);
      };
      const auto q = part(a.q), k = part(a.k), v = part(a.v), y = part(a.y), dy = part(a.dy);
      const Packed<S> packed_values = pack(transposed(v), packed_memory);
      const MatrixView<const S, HostSpace> p(square, length, length, stride);
      const MatrixView<S, HostSpace> ds(score_gradients, length, length, stride);
      const MatrixView<S, HostSpace> weights(weights_memory, length, length, stride);
      for (index_t start = 0; start < length; start += attention_rows) {
        const index_t rows = std::min(attention_rows, length - start), keys = start + rows;
        const MatrixView<S, HostSpace> block(ds.row(start), rows, whole_registers<S>(keys), stride);
        gemm(dy.row_range(start, rows), packed_values.first_columns(block.columns()), block);
        for (index_t i = start; i < start + rows; ++i) {
          const index_t seen = i + 1;
          const std::uint64_t* const kept = mask.row(first + i, head);
          S *const gradient = ds.row(i), *const weight = copies ? weights.row(i) : nullptr;
          if (silu)
            detail::silu_gradient_row(p.row(i), share, kept, mask.kept(), seen, keys, gradient, weight);
          else
            detail::softmax_gradient_row(p.row(i), dot_of_pieces(dy.row(i), y.row(i), head_width), bias ? S(1) : scale,
                                         kept, mask.kept(), seen, keys, gradient, weight);
          if (bias) {
            bias.add_gradient(gradient, head, i, a.dbias);
            array(gradient, seen) *= scale;
          }
        }
        if (a.dq)
          gemm(block.column_range(0, keys), k.row_range(0, keys), part(a.dq.view).row_range(start, rows), a.dq.mode);
      }
      const MatrixView<const S, HostSpace> seen_weights = copies ? MatrixView<const S, HostSpace>(weights) : p;
      for (index_t start = 0; start < length; start += attention_rows) {
        const index_t keys = std::min(attention_rows, length - start), rows = length - start;
        const auto columns = [&](auto matrix) { return matrix.row_range(start, rows).column_range(start, keys); };
        if (a.dk)
          gemm(transposed(columns(ds)), q.row_range(start, rows), part(a.dk.view).row_range(start, keys), a.dk.mode);
        if (a.dv)
          gemm(transposed(columns(seen_weights)), dy.row_range(start, rows), part(a.dv.view).row_range(start, keys),
               a.dv.mode);
      }
      square += length * stride;
    }
  }
}

}  // namespace seqrec::cpu
