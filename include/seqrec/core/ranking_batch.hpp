// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/batch.hpp"
#include "seqrec/core/candidates.hpp"

namespace seqrec {

/// Histories to be ranked for, or a shard of them: whom to rank, what not to offer.
template <class Space>
struct RankingBatch {
  Batch<Space> histories;
  VectorView<const item_t, Space> targets;  ///< (B) the item that came next; -1 where none is known
  Jagged<const item_t, Space> exclusions;   ///< distinct items per user that are not ranked
  Candidates<Space> candidates;             ///< per user the target, if any, and what is ranked; null: the catalogue
};

}  // namespace seqrec
