// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/training_batch.hpp"

namespace seqrec {

/// One step of sessions in parallel lanes, or a shard of it: an event of each session, and which one comes next.
template <class Space>
struct SessionBatch {
  TrainingBatch<Space> training;  ///< histories of one event each
  /// (B) For each history the row of the step before, counted over all its shards, whose state it goes on from; -1
  /// where a session begins, and the state is zero.
  VectorView<const offset_t, Space> carried;
};

}  // namespace seqrec
