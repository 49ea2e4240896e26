// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "seqrec/core/tensor.hpp"

namespace seqrec::cpu::detail {

/// Pairs of a candidate and a history item that are worked on together: enough rows for a good matrix product, few
/// enough for their activations to stay in cache.
inline constexpr index_t attention_block_pairs = 256;

/// A run of whole candidates.
struct PairBlock {
  index_t first = 0, last = 0;  ///< candidates first .. last-1
  index_t begin = 0, end = 0;   ///< their pairs

  index_t pairs() const { return end - begin; }
};

/// What every candidate sees, and the cut of the candidates into blocks.
template <class Ctx>
class PairBlocks {
 public:
  template <class Arguments>
  PairBlocks(Ctx& context, const Arguments& a)
      : seen_(context.template vector<offset_t>(a.candidates.size())),
        first_key_(context.template vector<offset_t>(a.candidates.size())),
        most_pairs_(std::min(a.candidates.pairs, attention_block_pairs + a.candidates.window)) {
    for (index_t b = 0; b < a.candidates.items.segments(); ++b)
      for (index_t c = a.candidates.items.offsets(b); c < a.candidates.items.offsets(b + 1); ++c) {
        seen_(c) = static_cast<offset_t>(std::min<index_t>(a.candidates.visible(c), a.candidates.window));
        most_seen_ = std::max<index_t>(most_seen_, seen_(c));
        first_key_(c) = a.offsets(b) + a.candidates.visible(c) - seen_(c);
      }
  }

  /// No block has more pairs.
  index_t most_pairs() const { return most_pairs_; }
  /// No candidate sees more rows.
  index_t most_seen() const { return most_seen_; }

  /// Calls work(block) for all blocks in order.
  template <class Work>
  void for_each(Work work) const {
    PairBlock block;
    while (block.last < seen_.size()) {
      block.first = block.last;
      block.begin = block.end;
      while (block.last < seen_.size() && block.pairs() < attention_block_pairs) block.end += seen_(block.last++);
      work(block);
    }
  }

  /// Calls work(candidate, its first pair in the block, its first key, how many) for all of a block.
  template <class Work>
  void for_each_candidate(const PairBlock& block, Work work) const {
    index_t pair = 0;
    for (index_t c = block.first; c < block.last; ++c) {
      work(c, pair, static_cast<index_t>(first_key_(c)), static_cast<index_t>(seen_(c)));
      pair += seen_(c);
    }
  }

 private:
  VectorView<offset_t, HostSpace> seen_;       ///< (C) how many keys
  VectorView<offset_t, HostSpace> first_key_;  ///< (C)
  index_t most_pairs_;
  index_t most_seen_ = 0;
};

}  // namespace seqrec::cpu::detail
