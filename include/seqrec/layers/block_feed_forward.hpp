// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>
#include <variant>

#include "seqrec/layers/feed_forward.hpp"
#include "seqrec/layers/moe_feed_forward.hpp"

namespace seqrec {

/// What works on each row of a transformer block by itself: a FeedForward, in the block's own scope, or a mixture of
/// experts in its place, in the scope `moe` below.
template <class Context>
class BlockFeedForward {
 public:
  using Network = std::variant<FeedForward<Context>, MoeFeedForward<Context>>;

  /// @param scope  the block's   @throws ArgumentError as MoeFeedForward
  BlockFeedForward(ParameterScope<Context> scope, const FeedForwardOptions& dense, const MoeOptions& moe)
      : network_(moe.dense() ? Network(std::in_place_type<FeedForward<Context>>, scope, dense)
                             : Network(std::in_place_type<MoeFeedForward<Context>>, scope / "moe", dense, moe)) {}

  const Network& network() const { return network_; }

  /// As FeedForward::forward.
  ResidualStream<Context> forward(Tape<Context>& tape, Variable<Context> x, Variable<Context> residual,
                                  index_t first_row) const {
    return std::visit([&](const auto& network) { return network.forward(tape, x, residual, first_row); }, network_);
  }

 private:
  Network network_;
};

}  // namespace seqrec
