// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/ops/embedding_bag.hpp"

namespace seqrec::cpu {

template <class S, int W>
void embedding_bag_forward(BasicContext<S, W>&, const EmbeddingBagForward<BasicContext<S, W>>& a) {
  for (index_t i = 0; i < a.owners.size(); ++i) {
    const index_t begin = a.repeats ? a.repeats(i) : i, end = a.repeats ? a.repeats(i + 1) : i + 1;
    if (begin == end) continue;
    auto first = row_array(a.y, begin);
    first.setZero();
    const index_t owner = a.owners(i);
    for (index_t t = a.categories.offsets(owner); t < a.categories.offsets(owner + 1); ++t)
      first += row_array(a.table, a.categories.values(t));
    for (index_t row = begin + 1; row < end; ++row) row_array(a.y, row) = first;
  }
}

template <class S, int W>
void embedding_bag_backward(BasicContext<S, W>& context, const EmbeddingBagBackward<BasicContext<S, W>>& a) {
  const index_t width = a.dy.columns();
  auto sum = array(context.vector(width).data, width);
  for (index_t i = 0; i < a.owners.size(); ++i) {
    const index_t begin = a.repeats ? a.repeats(i) : i, end = a.repeats ? a.repeats(i + 1) : i + 1;
    sum.setZero();
    for (index_t row = begin; row < end; ++row) sum += row_array(a.dy, row);
    const index_t owner = a.owners(i);
    for (index_t t = a.categories.offsets(owner); t < a.categories.offsets(owner + 1); ++t)
      row_array(a.dtable, a.categories.values(t)) += sum;
  }
}

}  // namespace seqrec::cpu
