// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <type_traits>
#include <utility>

#include "seqrec/core/types.hpp"
#include "seqrec/data/batches/to_space.hpp"

namespace seqrec {

/// The batches of a batcher in a space. Where that is a device's, the next one can be made and sent while the work on
/// the present one runs; on the host batches are made when they are asked for, and a feed costs nothing.
template <class Space, class AnyBatcher>
class BatchFeed {
 public:
  using Stream = typename Memory<Space>::Stream;

  /// Whether there is a use in sending ahead.
  static constexpr bool runs_ahead = !std::is_same_v<Space, HostSpace>;

  /// @param batcher  must outlive the feed
  explicit BatchFeed(AnyBatcher& batcher) : batcher_(batcher), target_(batcher.constants()) {}

  /// Makes a batch and sends it on its way, for the next call of `batch` with the same numbers. All work on the present
  /// one has been given to the stream.
  /// @param numbers  of the batch, as `make` of the batcher takes them
  template <class... Numbers>
  void send(Stream stream, Numbers... numbers) requires(runs_ahead) {
    sent_ = nullptr;
    const auto& batch = batcher_.make(numbers...);
    seqrec::send<Space>(batch, target_, stream);
    sent_ = &batch;
    numbers_ = key(numbers...);
  }

  /// The batch with these numbers, for work that is given to the stream from now on; valid until the next call, and the
  /// host's part of it until the next `send`.
  template <class... Numbers>
  decltype(auto) batch(Stream stream, Numbers... numbers) {
    if constexpr (runs_ahead) {
      if (sent_ == nullptr || numbers_ != key(numbers...)) send(stream, numbers...);
      return arrived<Space>(*std::exchange(sent_, nullptr), target_, stream);
    } else {
      return (batcher_.make(numbers...));
    }
  }

 private:
  using HostBatch = std::remove_cvref_t<decltype(std::declval<AnyBatcher&>().make(0, 0))>;
  using Key = std::array<index_t, 3>;

  template <class... Numbers>
  static Key key(Numbers... numbers) {
    return {numbers...};
  }

  AnyBatcher& batcher_;
  BatchTarget<Space> target_;
  const HostBatch* sent_ = nullptr;
  Key numbers_{};  ///< of what was sent
};

}  // namespace seqrec
