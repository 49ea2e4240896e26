// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/autograd/parameter.hpp"
#include "seqrec/autograd/tape.hpp"
#include "seqrec/core/jagged.hpp"
#include "seqrec/core/left_rows.hpp"
#include "seqrec/ops/add_rows.hpp"
#include "seqrec/ops/elementwise.hpp"

// The gradient of a table (or of a vector, as a table of rows of one) whose rows were looked up: what backward passes
// do instead of asking for a dense one by Tape::gradient. In a team it costs what the rows cost, whatever the table.

namespace seqrec {

/// Where a shard leaves `rows` rows (N, D) whose multiples are added to a table's gradient, for the team to sum when
/// all shards are done. Whoever asked fills it.
/// @param list  of N entries_per_row rows of the table   @param weighted  whether each entry has a coefficient
/// @return null where there is no team, or the parameter is no table: then they are added at once (see `add_rows_now`)
/// @throws ShapeError when the context sums the gradients of a smaller model
template <class Context, int Rank>
auto place_rows(Tape<Context>& tape, const Parameter<Context, Rank>& table,
                const ListIndex<typename Context::Space>& list, index_t rows, index_t entries_per_row = 1,
                bool weighted = false) -> PlacedRows<typename Context::Scalar, typename Context::Space> {
  Context& context = tape.context();
  if (!tape.recording() || context.gradient_elements() == 0 || rows == 0) return {};
  table.check_within(context.gradient_elements());
  if (!table.is_table()) return {};  // its gradient is part of a dense block anyway
  return context.place_rows({table.block(), table.size() / table.rows(), rows, list, entries_per_row, weighted});
}

/// Adds to a table's gradient in the context: row r_e gets coefficient_e source[e / entries_per_row].
template <class Context, int Rank>
void add_rows_now(Tape<Context>& tape, const Parameter<Context, Rank>& table, const_matrix_of<Context> source,
                  const ListIndex<typename Context::Space>& list, const_vector_of<Context> coefficients = {},
                  index_t entries_per_row = 1) {
  if (source.rows() == 0) return;
  const auto gradient = tape.gradient(table);
  ops::add_rows(tape.context(), AddRows<Context>{source,
                                                 list.shard,
                                                 coefficients,
                                                 entries_per_row,
                                                 {gradient.data, table.rows(), table.size() / table.rows()}});
}

/// Leaves the gradients of rows that were looked up: row r_e of the table gets source[e].
/// @param source (N, D)   @param list of N rows of the table
template <class Context, int Rank>
void leave_rows(Tape<Context>& tape, const Parameter<Context, Rank>& table, const_matrix_of<Context> source,
                const ListIndex<typename Context::Space>& list) {
  const auto placed = place_rows(tape, table, list, source.rows());
  if (!placed) return add_rows_now(tape, table, source, list);
  if (placed.adds)
    ops::add(tape.context(), Add<Context>{source, placed.source});
  else
    ops::copy(tape.context(), Copy<Context>{source, placed.source});
}

}  // namespace seqrec
