// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "seqrec/autograd/leave_rows.hpp"
#include "seqrec/autograd/parameter_store.hpp"
#include "seqrec/autograd/tape.hpp"
#include "seqrec/core/batch.hpp"
#include "seqrec/ops/embed_sequence.hpp"

namespace seqrec {

/// A table of vectors, one a row: items or positions.
template <class Context>
struct Embedding {
  MatrixParameter<Context> weight;  ///< (V, D)

  Embedding(ParameterScope<Context> scope, index_t rows, index_t width, Initialiser begin)
      : weight(scope.table("weight", rows, width, begin)) {}
  /// A table that its owner has made.
  explicit Embedding(MatrixParameter<Context> table) : weight(std::move(table)) {}

  index_t rows() const { return weight.rows(); }
  index_t width() const { return weight.columns(); }
};

/// How a history becomes the rows that an encoder starts from.
struct EmbedOptions {
  double scale = 1;  ///< of the item vectors; SASRec multiplies by sqrt(D)
  PositionOrigin origin = PositionOrigin::end;
  double dropout = 0;  ///< probability
};

/// dropout(scale item[id] + position[p]) for every row of a batch, recorded.
/// @param positions (P, D), or null for none   @return (N, D)
template <class Context>
Variable<Context> embed_sequence(Tape<Context>& tape, const Batch<typename Context::Space>& batch,
                                 const Embedding<Context>& items, const Embedding<Context>* positions,
                                 const EmbedOptions& options) {
  const Dropout dropout = tape.dropout(options.dropout, batch.first_row);
  const Variable<Context> y = tape.variable(batch.rows(), items.width());
  const auto position_table = positions != nullptr ? tape.value(positions->weight) : const_matrix_of<Context>{};
  ops::embed_sequence_forward(
      tape.context(),
      EmbedSequenceForward<Context>{batch.items.values, batch.offsets(), batch.longest, tape.value(items.weight),
                                    position_table, y.value(), options.scale, options.origin, dropout});
  const auto* const item_table = &items.weight;
  const auto dpositions = positions != nullptr ? tape.gradient(positions->weight) : master_matrix_of<Context>{};
  const double scale = options.scale;
  const PositionOrigin origin = options.origin;
  tape.record([batch, y, item_table, dpositions, scale, origin, dropout](Tape<Context>& t) {
    const auto dy = t.incoming(y);
    if (!dy) return;
    ops::embed_sequence_backward(t.context(), EmbedSequenceBackward<Context>{batch.offsets(), batch.longest, dy,
                                                                             dpositions, scale, origin, dropout});
    leave_rows<Context>(t, *item_table, dy, batch.item_list());
  });
  return y;
}

}  // namespace seqrec
