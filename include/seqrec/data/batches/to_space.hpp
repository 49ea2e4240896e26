// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/memory.hpp"
#include "seqrec/core/ranking_batch.hpp"
#include "seqrec/core/session_batch.hpp"
#include "seqrec/core/tensor.hpp"
#include "seqrec/core/training_batch.hpp"
#include "seqrec/data/batches/batch_constants.hpp"
#include "seqrec/data/batches/host_block.hpp"

// The one way up: batches are built on the host, in one block, and contexts of other spaces read a copy of it.

namespace seqrec {

/// Memory of a space in which batches come to lie, one after another: the block of the present one, room for the next
/// to arrive while that is at work, and what all of them refer to, which is copied once.
template <class Space>
class BatchTarget {
 public:
  using Stream = typename Memory<Space>::Stream;

  /// @param constants  of the batches to come, on the host; must stay as long as the target
  explicit BatchTarget(const BatchConstants& constants)
      : constants_(constants),
        user_offsets_(copied(constants.features.of_users.offsets)),
        user_values_(copied(constants.features.of_users.values)),
        item_offsets_(copied(constants.features.of_items.offsets)),
        item_values_(copied(constants.features.of_items.values)),
        log_probability_(copied(constants.log_probability)) {}

  /// The copies of what batches refer to.
  Features<Space> features() const {
    return {{user_values_.view(), user_offsets_.view()},
            {item_values_.view(), item_offsets_.view()},
            constants_.features.user_categories,
            constants_.features.item_categories};
  }
  VectorView<const float, Space> log_probability() const { return log_probability_.view(); }

  /// Copies a block in the place of the present one.
  /// @throws ArgumentError if its batch refers to other constants than the target was made for
  void copy(const HostBlock& block, const BatchConstants& constants, Stream stream = {}) {
    check(constants);
    Block& present = blocks_[present_];
    present.reserve(block.bytes());
    Memory<Space>::copy_from_host(present.memory.view().data, block.begin(), block.bytes(), stream);
  }

  /// Starts to copy a block beside the present one, which is at work in a stream that has been given all of it.
  /// @throws ArgumentError as `copy`
  void send(const HostBlock& block, const BatchConstants& constants, Stream stream) {
    check(constants);
    blocks_[present_].upload.release(stream);
    Block& next = blocks_[1 - present_];
    next.reserve(block.bytes());
    next.upload.begin(next.memory.view().data, block.begin(), block.bytes());
  }
  /// What was sent last becomes the present block, for work that a stream is given from now on.
  void arrive(Stream stream) {
    present_ = 1 - present_;
    blocks_[present_].upload.wait(stream);
  }

  /// Of the present block.
  const std::byte* begin() const { return blocks_[present_].memory.view().data; }

 private:
  template <class T>
  static Tensor<std::remove_const_t<T>, 1, Space> copied(VectorView<T, HostSpace> values) {
    Tensor<std::remove_const_t<T>, 1, Space> tensor(values.size());
    if (values.size() != 0) tensor.copy_from_host(values.data);
    return tensor;
  }

  struct Block {
    Tensor<std::byte, 1, Space> memory;
    typename Memory<Space>::Upload upload;

    void reserve(std::size_t needed) {
      const auto bytes = static_cast<index_t>(needed);
      if (bytes > memory.size())
        memory = Tensor<std::byte, 1, Space>(std::max(bytes, memory.size() + memory.size() / 2));
    }
  };

  void check(const BatchConstants& constants) const {
    if (!same_memory(constants, constants_))
      throw ArgumentError("to: the batch refers to other features or probabilities than its target, expected the same");
  }

  BatchConstants constants_;
  Tensor<offset_t, 1, Space> user_offsets_;
  Tensor<category_t, 1, Space> user_values_;
  Tensor<offset_t, 1, Space> item_offsets_;
  Tensor<category_t, 1, Space> item_values_;
  Tensor<float, 1, Space> log_probability_;
  Block blocks_[2];
  int present_ = 0;
};

/// On the host a batch stays where it is.
template <>
class BatchTarget<HostSpace> {
 public:
  explicit BatchTarget(const BatchConstants&) {}
};

namespace detail {

/// Turns views of a host batch into views of its copy: those into the block move with it, those of constants become the
/// target's.
template <class Space>
struct Moved {
  const HostBlock& block;
  const BatchTarget<Space>& target;

  template <class T, int Rank>
  TensorView<T, Rank, Space> operator()(const TensorView<T, Rank, HostSpace>& view) const {
    TensorView<T, Rank, Space> moved;
    std::copy_n(view.extents, Rank, moved.extents);
    moved.stride = view.stride;
    if (view)
      moved.data =
          reinterpret_cast<T*>(target.begin() + (reinterpret_cast<const std::byte*>(view.data) - block.begin()));
    return moved;
  }
  template <class T>
  Jagged<T, Space> operator()(const Jagged<T, HostSpace>& lists) const {
    return {(*this)(lists.values), (*this)(lists.offsets)};
  }
  RowIndex<Space> operator()(const RowIndex<HostSpace>& index) const {
    return {(*this)(index.order), (*this)(index.rows), (*this)(index.row_offsets)};
  }
  Batch<Space> operator()(const Batch<HostSpace>& batch) const {
    return {(*this)(batch.items),
            (*this)(batch.item_index),
            batch.first_row,
            batch.first_user,
            batch.longest,
            (*this)(batch.profiles),
            target.features(),
            (*this)(batch.times),
            (*this)(batch.batch_item_index)};
  }
  Candidates<Space> operator()(const Candidates<HostSpace>& of) const {
    return {(*this)(of.items), (*this)(of.visible),    (*this)(of.index), of.first_candidate, of.window,
            of.pairs,          (*this)(of.batch_index)};
  }
  NextItems<Space> operator()(const NextItems<HostSpace>& next) const {
    return {(*this)(next.items),
            (*this)(next.index),
            (*this)(next.shared),
            (*this)(next.shared_offsets),
            (*this)(next.shared_index),
            next.log_probability ? target.log_probability() : VectorView<const float, Space>{},
            (*this)(next.batch_index),
            (*this)(next.batch_shared_index),
            next.first_row,
            next.first_shared,
            next.longest_shared};
  }
  Clicks<Space> operator()(const Clicks<HostSpace>& clicks) const {
    return {(*this)(clicks.candidates), (*this)(clicks.labels), clicks.loss_scale};
  }
  TrainingBatch<Space> operator()(const TrainingBatch<HostSpace>& batch) const {
    return {(*this)(batch.histories), (*this)(batch.next), (*this)(batch.clicks), batch.loss_scale};
  }
  SessionBatch<Space> operator()(const SessionBatch<HostSpace>& batch) const {
    return {(*this)(batch.training), (*this)(batch.carried)};
  }
  RankingBatch<Space> operator()(const RankingBatch<HostSpace>& batch) const {
    return {(*this)(batch.histories), (*this)(batch.targets), (*this)(batch.exclusions), (*this)(batch.candidates)};
  }
};

}  // namespace detail

/// A batch whose shards lie in another space. Is to a team what the host batch is that it was copied from, which must
/// not change meanwhile: extents that the host knows are read there.
template <class HostBatch, class Space>
class PlacedBatch {
 public:
  PlacedBatch(const HostBatch& host, const BatchTarget<Space>& target) : host_(&host), target_(&target) {}

  index_t num_shards() const { return host_->num_shards(); }
  /// One shard. Views are valid until the target takes the next batch.
  auto shard(index_t i) const { return detail::Moved<Space>{host_->block(), *target_}(host_->shard(i)); }

  /// The original of a view into the copied block, for who must look at it without waiting for a device.
  template <class T>
  VectorView<const T, HostSpace> on_host(const VectorView<const T, Space>& view) const {
    if (!view) return {nullptr, view.size()};
    const auto offset = reinterpret_cast<const std::byte*>(view.data) - target_->begin();
    return {reinterpret_cast<const T*>(host_->block().begin() + offset), view.size()};
  }

 private:
  const HostBatch* host_;
  const BatchTarget<Space>* target_;
};

/// A batch as contexts of a space read it. Costs one copy; on the host nothing: the batch itself is returned.
/// @param batch   a HostTrainingBatch, HostSessionBatch or HostRankingBatch   @param target  keeps the copy
/// @param stream  of the context that will read it first, in whose order of work the copy is made
/// @throws ArgumentError if the target was made for other constants than the batch's
template <class Space, class HostBatch>
decltype(auto) to(const HostBatch& batch, BatchTarget<Space>& target,
                  [[maybe_unused]] typename Memory<Space>::Stream stream = {}) {
  if constexpr (std::is_same_v<Space, HostSpace>) {
    return (batch);
  } else {
    target.copy(batch.block(), batch.constants(), stream);
    return PlacedBatch<HostBatch, Space>(batch, target);
  }
}

/// Sends a batch on its way to another space, while the work that a stream has been given runs on the batch before; all
/// of that has been given. The batch must not change before it has `arrived`.
/// @throws ArgumentError as `to`
template <class Space, class HostBatch>
void send(const HostBatch& batch, BatchTarget<Space>& target, typename Memory<Space>::Stream stream) {
  target.send(batch.block(), batch.constants(), stream);
}

/// The batch that was sent last, for work that the stream is given from now on; the one before is gone.
template <class Space, class HostBatch>
PlacedBatch<HostBatch, Space> arrived(const HostBatch& batch, BatchTarget<Space>& target,
                                      typename Memory<Space>::Stream stream) {
  target.arrive(stream);
  return {batch, target};
}

}  // namespace seqrec
