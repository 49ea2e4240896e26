// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "seqrec/core/check_offsets.hpp"
#include "seqrec/core/check_shape.hpp"
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
  VectorView<const item_t, typename Context::Space> items;      ///< (N) 0 .. V-1
  VectorView<const offset_t, typename Context::Space> offsets;  ///< (B+1) of the histories; read only with positions
  index_t longest = 0;                                          ///< no history has more items; read only with positions
  const_matrix_of<Context> table;                               ///< (V, D)
  const_matrix_of<Context> positions;                           ///< (P, D), P >= longest; or null for none
  matrix_of<Context> y;                                         ///< (N, D)
  double scale = 1;
  PositionOrigin origin = PositionOrigin::end;
  Dropout dropout;
};

/// Gradients of EmbedSequenceForward. Leaves in `dy` what every row owes to its item, for `add_rows` to sum up.
template <class Context>
struct EmbedSequenceBackward {
  VectorView<const offset_t, typename Context::Space> offsets;  ///< (B+1); read only with dpositions
  index_t longest = 0;                                          ///< the forward's; read only with dpositions
  matrix_of<Context> dy;                 ///< (N, D) in: gradient of y; out: gradient of table[item_r], row by row
  master_matrix_of<Context> dpositions;  ///< (P, D) added to; null if not wanted
  double scale = 1;
  PositionOrigin origin = PositionOrigin::end;
  Dropout dropout;
};

namespace ops {

SEQREC_OP_FALLBACK(embed_sequence_forward)
SEQREC_OP_FALLBACK(embed_sequence_backward)

/// Checks that every history fits into a table of positions.   @throws ShapeError
template <class Space>
void check_positions(const char* op, VectorView<const offset_t, Space> offsets, index_t rows, index_t longest,
                     index_t positions) {
  check_offsets(op, "offsets", offsets, rows);
  check_longest(op, offsets, rows, longest);
  if (longest > positions)
    throw ShapeError(concatenate(op, ": the longest history has ", longest, " items, the position table ", positions,
                                 " rows; hint: keep the last max_length items of each history"));
}

/// Items are not checked here (device memory cannot be read without a stall): the batch's builder has done it.
/// @throws ShapeError when extents disagree, offsets are none of N rows, or a history is longer than `longest` or the
///         position table
template <class Context>
void embed_sequence_forward(Context& context, const EmbedSequenceForward<Context>& a) {
  constexpr const char* op = "embed_sequence";
  const index_t rows = a.items.size(), width = a.table.columns();
  check_shape(op, "y", a.y, rows, width);
  check_optional_shape(op, "positions", a.positions, a.positions.rows(), width);
  if (a.positions) check_positions(op, a.offsets, rows, a.longest, a.positions.rows());
  using fallback::embed_sequence_forward;
  embed_sequence_forward(context, a);
}

/// @throws ShapeError as the forward pass
template <class Context>
void embed_sequence_backward(Context& context, const EmbedSequenceBackward<Context>& a) {
  constexpr const char* op = "embed_sequence backward";
  check_optional_shape(op, "dpositions", a.dpositions, a.dpositions.rows(), a.dy.columns());
  if (a.dpositions) check_positions(op, a.offsets, a.dy.rows(), a.longest, a.dpositions.rows());
  using fallback::embed_sequence_backward;
  embed_sequence_backward(context, a);
}

}  // namespace ops
}  // namespace seqrec
