// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/dropout.hpp"
#include "seqrec/cpu/pieces.hpp"
#include "seqrec/ops/elementwise.hpp"

namespace seqrec::cpu {

template <class S, int W>
void copy(BasicContext<S, W>&, const Copy<BasicContext<S, W>>& a) {
  if (a.source.stride == a.source.columns() && a.target.stride == a.target.columns())  // rows may be of one number
    array(a.target.data, a.target.size()) = array(a.source.data, a.source.size());
  else
    for (index_t i = 0; i < a.source.rows(); ++i) row_array(a.target, i) = row_array(a.source, i);
}

template <class S, int W>
void add(BasicContext<S, W>&, const Add<BasicContext<S, W>>& a) {
  for (index_t i = 0; i < a.source.rows(); ++i) row_array(a.target, i) += row_array(a.source, i);
}

template <class S, int W>
void drop(BasicContext<S, W>& context, const Drop<BasicContext<S, W>>& a) {
  const index_t rows = a.source.rows(), columns = a.source.columns();
  const DropoutRows kept(context, a.dropout, rows, columns);
  for (index_t i = 0; i < rows; ++i)
    for_each_piece<S>(columns, [&](index_t j, auto count) SEQREC_INLINE_LAMBDA {
      leave_piece(a.target, i, j, load_piece(a.source.row(i) + j, count) * load_piece(kept.row(i) + j, count), count);
    });
}

template <class S, int W>
void accumulate_loss(BasicContext<S, W>& context, const AccumulateLoss<BasicContext<S, W>>& a) {
  for (index_t i = 0; i < a.losses.size(); ++i) context.add_loss(a.losses(i));
}

}  // namespace seqrec::cpu
