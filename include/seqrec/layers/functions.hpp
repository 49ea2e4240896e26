// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/autograd/leave_rows.hpp"
#include "seqrec/autograd/tape.hpp"
#include "seqrec/core/candidates.hpp"
#include "seqrec/layers/embedding.hpp"
#include "seqrec/ops/elementwise.hpp"
#include "seqrec/ops/gated_silu.hpp"
#include "seqrec/ops/gather_rows.hpp"
#include "seqrec/ops/interaction.hpp"
#include "seqrec/ops/row_dot.hpp"

// Small ops, recorded: what models and heads do with candidates (core/candidates.hpp), and sums of rows.

namespace seqrec {

/// The vector of every candidate.   @return (C, D)
template <class Context>
Variable<Context> embed_candidates(Tape<Context>& tape, const Candidates<typename Context::Space>& candidates,
                                   const MatrixParameter<Context>& table) {
  const Variable<Context> y = tape.variable(candidates.size(), table.columns());
  EmbedSequenceForward<Context> forward;
  forward.items = candidates.items.values;
  forward.table = tape.value(table);
  forward.y = y.value();
  ops::embed_sequence_forward(tape.context(), forward);
  const auto* const looked_up = &table;
  const auto list = candidates.list();
  tape.record([y, looked_up, list](Tape<Context>& t) {
    if (const auto dy = t.incoming(y)) leave_rows<Context>(t, *looked_up, dy, list);
  });
  return y;
}

/// For each candidate the last row of x that it may see; zeros where it sees none.   @param x (N, D)   @return (C, D)
template <class Context>
Variable<Context> visible_rows(Tape<Context>& tape, const Batch<typename Context::Space>& batch,
                               const Candidates<typename Context::Space>& candidates, Variable<Context> x) {
  const Variable<Context> y = tape.variable(candidates.size(), x.columns());
  const auto rows = tape.context().template vector<offset_t>(candidates.size());
  ops::visible_row_numbers(
      tape.context(), VisibleRowNumbers<Context>{batch.offsets(), candidates.items.offsets, candidates.visible, rows});
  ops::gather_rows_forward(tape.context(), GatherRowsForward<Context>{x.value(), rows, y.value()});
  tape.record([rows, x, y](Tape<Context>& t) {
    if (const auto dy = t.incoming(y))
      ops::gather_rows_backward(t.context(), GatherRowsBackward<Context>{rows, dy, t.gradient(x)});
  });
  return y;
}

/// a_c b_c for each pair of rows.   @param a, b (C, D), different variables   @return (C, 1)
template <class Context>
Variable<Context> row_dot(Tape<Context>& tape, Variable<Context> a, Variable<Context> b) {
  const Variable<Context> y = tape.variable(a.rows(), 1);
  ops::row_dot_forward(tape.context(), RowDotForward<Context>{a.value(), b.value(), y.value()});
  tape.record([a, b, y](Tape<Context>& t) {
    if (const auto dy = t.incoming(y))
      ops::row_dot_backward(t.context(),
                            RowDotBackward<Context>{a.value(), b.value(), dy, t.gradient(a), t.gradient(b)});
  });
  return y;
}

/// [u, q, u * q, f].   @param u, q (C, D)   @param f (C, D2), or null   @return (C, 3 D + D2)
template <class Context>
Variable<Context> interact(Tape<Context>& tape, Variable<Context> u, Variable<Context> q, Variable<Context> f) {
  const Variable<Context> y = tape.variable(u.rows(), 3 * u.columns() + (f ? f.columns() : 0));
  ops::interaction_forward(tape.context(), InteractionForward<Context>{u.value(), q.value(), f.value(), y.value()});
  tape.record([u, q, f, y](Tape<Context>& t) {
    const auto dy = t.incoming(y);
    if (!dy) return;
    InteractionBackward<Context> backward{u.value(), q.value(), dy, t.gradient(u), t.gradient(q), {}};
    if (f) backward.df = t.gradient(f);
    ops::interaction_backward(t.context(), backward);
  });
  return y;
}

/// dropout(x), for models that drop where no layer does.
/// @param first_row  of x in the batch   @return (N, D); x itself where nothing is dropped
template <class Context>
Variable<Context> drop(Tape<Context>& tape, Variable<Context> x, double probability, index_t first_row) {
  const Dropout mask = tape.dropout(probability, first_row);
  if (!mask.active()) return x;
  const Variable<Context> y = tape.variable(x.rows(), x.columns());
  ops::drop(tape.context(), Drop<Context>{x.value(), {y.value()}, mask});
  tape.record([x, y, mask](Tape<Context>& t) {
    if (const auto dy = t.incoming(y)) ops::drop(t.context(), Drop<Context>{dy, t.gradient(x), mask});
  });
  return y;
}

/// dropout(silu(gate) * x).   @param gate, x (N, F), different variables   @return (N, F)
template <class Context>
Variable<Context> gated_silu(Tape<Context>& tape, Variable<Context> gate, Variable<Context> x, Dropout mask = {}) {
  const Variable<Context> y = tape.variable(x.rows(), x.columns());
  ops::gated_silu_forward(tape.context(), GatedSiluForward<Context>{gate.value(), x.value(), y.value(), mask});
  tape.record([gate, x, y, mask](Tape<Context>& t) {
    if (const auto dy = t.incoming(y))
      ops::gated_silu_backward(
          t.context(), GatedSiluBackward<Context>{gate.value(), x.value(), dy, t.gradient(gate), t.gradient(x), mask});
  });
  return y;
}

/// silu(x) = x / (1 + exp(-x)).   @return (N, F)
template <class Context>
Variable<Context> silu(Tape<Context>& tape, Variable<Context> x) {
  const Variable<Context> y = tape.variable(x.rows(), x.columns());
  ops::gated_silu_forward(tape.context(), GatedSiluForward<Context>{x.value(), {}, y.value(), {}});
  tape.record([x, y](Tape<Context>& t) {
    if (const auto dy = t.incoming(y))
      ops::gated_silu_backward(t.context(), GatedSiluBackward<Context>{x.value(), {}, dy, t.gradient(x), {}, {}});
  });
  return y;
}

/// Hands a gradient on, as a copy: the next node may work in place on what it gets.
template <class Context>
void add_gradient(Tape<Context>& tape, const Variable<Context>& to, const_matrix_of<Context> gradient) {
  const Gradient<Context> place = tape.gradient(to);
  if (place.adds())
    ops::add(tape.context(), Add<Context>{gradient, place.view});
  else
    ops::copy(tape.context(), Copy<Context>{gradient, place.view});
}

/// a + b, for different variables.   @param a, b (N, D)   @return (N, D)
template <class Context>
Variable<Context> sum(Tape<Context>& tape, Variable<Context> a, Variable<Context> b) {
  const Variable<Context> y = tape.variable(a.rows(), a.columns());
  ops::copy(tape.context(), Copy<Context>{a.value(), y.value()});
  ops::add(tape.context(), Add<Context>{b.value(), y.value()});
  tape.record([a, b, y](Tape<Context>& t) {
    const auto dy = t.incoming(y);
    if (!dy) return;
    add_gradient(t, a, dy);
    add_gradient(t, b, dy);
  });
  return y;
}

/// [a, b].   @param a (N, D1)   @param b (N, D2), another variable   @return (N, D1 + D2)
template <class Context>
Variable<Context> concatenate_columns(Tape<Context>& tape, Variable<Context> a, Variable<Context> b) {
  const index_t left = a.columns(), right = b.columns();
  const Variable<Context> y = tape.variable(a.rows(), left + right);
  ops::copy(tape.context(), Copy<Context>{a.value(), y.value().column_range(0, left)});
  ops::copy(tape.context(), Copy<Context>{b.value(), y.value().column_range(left, right)});
  tape.record([a, b, y, left, right](Tape<Context>& t) {
    const auto dy = t.incoming(y);
    if (!dy) return;
    add_gradient(t, a, dy.column_range(0, left));
    add_gradient(t, b, dy.column_range(left, right));
  });
  return y;
}

}  // namespace seqrec
