// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/autograd/tape.hpp"
#include "seqrec/core/batch.hpp"
#include "seqrec/ops/gather_rows.hpp"

namespace seqrec {

/// The last rows of a batch's histories, for what only inference asks for: nothing is recorded.
template <class Context>
class LastRows {
 public:
  /// @throws ArgumentError for a tape that records
  LastRows(Tape<Context>& tape, const Batch<typename Context::Space>& batch)
      : tape_(tape),
        rows_(tape.context().template vector<offset_t>(batch.users())),
        users_(tape.context().template vector<offset_t>(batch.users())) {
    if (tape.recording()) throw ArgumentError("LastRows: the tape records, expected one for inference");
    ops::last_row_numbers(tape.context(), LastRowNumbers<Context>{batch.offsets(), rows_, users_});
  }

  /// Those of a variable; zeros for an empty history.   @param x (N, D)   @return (B, D)
  Variable<Context> of(Variable<Context> x) const { return gathered(x, rows_); }
  /// Zeros in the place of what layers have made of an empty history.   @param y (B, D)   @return (B, D)
  Variable<Context> without_empty(Variable<Context> y) const { return gathered(y, users_); }

 private:
  using Numbers = VectorView<offset_t, typename Context::Space>;

  Variable<Context> gathered(Variable<Context> x, Numbers rows) const {
    const Variable<Context> y = tape_.variable(rows.size(), x.columns());
    ops::gather_rows_forward(tape_.context(), GatherRowsForward<Context>{x.value(), rows, y.value()});
    return y;
  }

  Tape<Context>& tape_;
  Numbers rows_, users_;  ///< (B)
};

}  // namespace seqrec
