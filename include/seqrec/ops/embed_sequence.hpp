// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "seqrec/core/batch.hpp"
#include "seqrec/core/dropout.hpp"
#include "seqrec/ops/fallback.hpp"

namespace seqrec {

/// Where positions are counted from.
enum class PositionOrigin {
  end,    ///< the most recent item has the table's last row (SASRec's paper: left padding)
  start,  ///< the oldest item has row 0; only then is every row the encoding of its prefix
};

/// Names of the values, for option texts.
constexpr std::array<const char*, 2> names_of(PositionOrigin) { return {"end", "start"}; }

/// The row of a table of P positions that row r of a history of n items uses.
SEQREC_HOST_DEVICE constexpr index_t position_row(PositionOrigin origin, index_t row, index_t length,
                                                  index_t positions) {
  return origin == PositionOrigin::end ? positions - length + row : row;
}

/// y_r = dropout(scale table[item_r] + position[p(r)]): gather, scale, position and dropout in one pass.
template <class Context>
struct EmbedSequenceForward {
  Batch<typename Context::Space> batch;
  const_matrix_of<Context> table;      ///< (V, D)
  const_matrix_of<Context> positions;  ///< (P, D), P >= the longest history; or null for none
  matrix_of<Context> y;                ///< (N, D)
  double scale = 1;
  PositionOrigin origin = PositionOrigin::end;
  Dropout dropout;
};

/// Gradients of EmbedSequenceForward. Leaves in `dy` what every row owes to its item, for `add_rows` to sum up.
template <class Context>
struct EmbedSequenceBackward {
  Batch<typename Context::Space> batch;
  matrix_of<Context> dy;                 ///< (N, D) in: gradient of y; out: gradient of table[item_r], row by row
  master_matrix_of<Context> dpositions;  ///< (P, D) added to; null if not wanted
  double scale = 1;
  PositionOrigin origin = PositionOrigin::end;
  Dropout dropout;
};

namespace ops {

SEQREC_OP_FALLBACK(embed_sequence_forward)
SEQREC_OP_FALLBACK(embed_sequence_backward)

/// @throws ShapeError when the longest history has more items than the position table rows
inline void check_positions(const char* op, index_t longest, index_t positions) {
  if (longest > positions)
    throw ShapeError(concatenate(op, ": the longest history has ", longest, " items, the position table ", positions,
                                 " rows; hint: keep the last max_length items of each history"));
}

/// Items are not checked here (device memory cannot be read without a stall): the batch's builder has done it.
/// @throws ShapeError when extents disagree or a history is longer than the position table
template <class Context>
void embed_sequence_forward(Context& context, const EmbedSequenceForward<Context>& a) {
  check_extent("embed_sequence", "rows of y", a.y.rows(), a.batch.rows());
  check_extent("embed_sequence", "columns of y", a.y.columns(), a.table.columns());
  if (a.positions) {
    check_extent("embed_sequence", "columns of positions", a.positions.columns(), a.table.columns());
    check_positions("embed_sequence", a.batch.longest, a.positions.rows());
  }
  using fallback::embed_sequence_forward;
  embed_sequence_forward(context, a);
}

/// @throws ShapeError when extents disagree or a history is longer than the position table
template <class Context>
void embed_sequence_backward(Context& context, const EmbedSequenceBackward<Context>& a) {
  check_extent("embed_sequence backward", "rows of dy", a.dy.rows(), a.batch.rows());
  if (a.dpositions) {
    check_extent("embed_sequence backward", "columns of dpositions", a.dpositions.columns(), a.dy.columns());
    check_positions("embed_sequence backward", a.batch.longest, a.dpositions.rows());
  }
  using fallback::embed_sequence_backward;
  embed_sequence_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
