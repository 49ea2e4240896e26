// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "seqrec/core/arena.hpp"
#include "seqrec/core/dropout.hpp"
#include "seqrec/core/gradient_blocks.hpp"
#include "seqrec/core/left_rows.hpp"
#include "seqrec/core/tensor.hpp"

namespace seqrec {

/// What every backend's context is made of: it owns all that one forward and backward pass needs, so that a model can
/// be read-only. Backends derive from it and add what is theirs (a vector width; a stream and handles).
///
/// @tparam Scalar_ activations, and weights as ops see them   @tparam Master_ parameters and sums of their gradients
template <class Scalar_, class Master_, class Space_>
class ContextBase {
 public:
  using Scalar = Scalar_;
  using Master = Master_;
  using Space = Space_;

  /// What says that a thread works with the context, until its end. A backend that can tell when two do at once has
  /// one of its own.
  struct Use {};
  Use use() const { return {}; }

  /// Runs `work`. A backend that can give a device many launches at once gathers those of `work` here.
  template <class Work>
  auto gather(Work&& work) {
    return work();
  }

  // Memory that lives until the next begin_shard().

  /// (rows, columns), uninitialised.
  MatrixView<Scalar, Space> matrix(index_t rows, index_t columns) {
    return {arena_.template allocate<Scalar>(rows * columns), rows, columns};
  }
  /// (size), uninitialised.
  template <class T = Scalar>
  VectorView<T, Space> vector(index_t size) {
    return {arena_.template allocate<T>(size), size};
  }
  /// Host memory for bookkeeping such as tape nodes.
  template <class T>
  T* bookkeeping(index_t count) {
    return bookkeeping_.template allocate<T>(count);
  }
  /// Bytes held for activations.
  std::size_t memory_held() const { return arena_.capacity() + bookkeeping_.capacity(); }

  // Copies in the context's order of work.

  using Stream = typename Memory<Space>::Stream;
  Stream stream() const { return stream_; }

  /// `count` elements to the host, which waits for them.
  template <class T>
  void copy_to_host(T* host, const T* source, index_t count) const {
    Memory<Space>::copy_to_host(host, source, static_cast<std::size_t>(count) * sizeof(T), stream_);
  }
  /// `count` elements from the host, whose memory may change afterwards.
  template <class T>
  void copy_from_host(T* target, const T* host, index_t count) const {
    Memory<Space>::copy_from_host(target, host, static_cast<std::size_t>(count) * sizeof(T), stream_);
  }
  /// Zeros.
  template <class T>
  void clear(T* memory, index_t count) const {
    Memory<Space>::clear(memory, static_cast<std::size_t>(count) * sizeof(T), stream_);
  }

  // The step.

  /// Starts a training step: masks of this and no other step, gradients and loss from zero.
  void begin_step(std::uint64_t seed, std::uint64_t step) {
    key_ = philox_key(seed, Purpose::dropout);
    step_ = static_cast<std::uint32_t>(step);
    clear(loss_.view().data, 1);
    gradients_.begin_step(stream_);
  }

  /// Goes on with a step by a further batch: other masks, while gradients and loss go on.
  void begin_further_batch(std::uint64_t seed, std::uint64_t batch) {
    key_ = philox_key(seed, Purpose::dropout);
    step_ = static_cast<std::uint32_t>(batch);
  }

  /// Starts the next shard: takes activations back and restarts the count of drawing sites.
  void begin_shard() {
    arena_.reset();
    bookkeeping_.reset();
    placed_.clear();
    site_ = 0;
  }

  /// The mask of the next drawing call of this forward pass.
  /// @param probability of dropping an element, in [0, 1)   @param first_row the shard's first row in its batch
  Dropout next_dropout(double probability, index_t first_row) {
    return {key_, step_, site_++, static_cast<std::uint32_t>(first_row), Dropout::threshold_of(probability)};
  }

  // Sums over the shards of a step.

  /// Makes room for the gradients of `size` parameter elements; without it, parameters have no gradient here.
  void reserve_gradients(index_t size) { gradients_.reserve(size, true); }
  /// All gradients, each where its parameter lies in the model's store; null unless they were reserved as a whole.
  VectorView<Master, Space> gradients() { return gradients_.whole(); }

  /// The same for a context of a team: memory is made for those blocks of a model that are asked for, and rows of
  /// tables are left to the team.
  /// @param rows  where they are left, which must outlive the context   @param slot  the context's number
  void reserve_gradient_blocks(index_t size, LeftRows<Scalar, Space>& rows, int slot) {
    gradients_.reserve(size, false);
    rows_ = &rows;
    slot_ = slot;
  }
  /// Elements that have gradients here: as many as were reserved.
  index_t gradient_elements() const { return gradients_.size(); }
  /// What is asked for, block by block.
  GradientBlocks<Master, Space>& gradient_blocks() { return gradients_; }
  /// Where gradients of some elements are summed.   @param block  of the model that they are part of
  VectorView<Master, Space> gradient(const ElementRange& elements, const ElementRange& block) {
    return gradients_.at(elements, block, stream_);
  }

  /// Where the present shard leaves rows of a table's gradient; null where there is no team to sum them, or the batch
  /// has no index of the list: then they are to be added at once.
  PlacedRows<Scalar, Space> place_rows(const RowsToLeave<Space>& rows) {
    if (rows_ == nullptr || !rows.list.batch.order) return {};
    const auto key = std::pair(rows.table.offset, rows.list.batch.order.data);
    const auto occurrence = std::count(placed_.begin(), placed_.end(), key);
    placed_.push_back(key);
    return rows_->place(rows, slot_, static_cast<int>(occurrence));
  }

  /// (1) The sum of losses, for ops to add to.
  VectorView<double, Space> loss_sum() { return loss_.view(); }
  /// Adds to it from the host, in memory that the host can write.
  void add_loss(double loss) requires(std::is_same_v<Space, HostSpace>) { loss_.view()(0) += loss; }
  /// The sum of losses, read to the host, which waits for it.
  double loss() const {
    double sum = 0;
    copy_to_host(&sum, loss_.view().data, 1);
    return sum;
  }

 protected:
  /// For a backend that makes its own order of work.
  void use_stream(Stream stream) {
    stream_ = stream;
    arena_.use_stream(stream);
  }

 private:
  Stream stream_{};
  Arena<Space> arena_;
  Arena<HostSpace> bookkeeping_;
  GradientBlocks<Master, Space> gradients_;
  LeftRows<Scalar, Space>* rows_ = nullptr;
  int slot_ = 0;
  std::vector<std::pair<index_t, const offset_t*>> placed_;  ///< table and list of what the shard has left
  PhiloxKey key_{};
  std::uint32_t step_ = 0;
  std::uint32_t site_ = 0;
  Tensor<double, 1, Space> loss_{1};
};

}  // namespace seqrec
