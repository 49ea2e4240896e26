// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "seqrec/core/memory.hpp"
#include "seqrec/core/tensor.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

/// A place for `size` values in a HostBlock. Valid until the block is laid out anew.
template <class T>
struct Section {
  std::size_t offset = 0;  ///< bytes from the block's start
  index_t size = 0;
};

/// Arrays of different types in one piece of host memory, so that one copy takes them all to a device. First the arrays
/// are laid out, then there is memory for them:
///
///     block.clear();
///     const auto items = block.add<item_t>(rows);
///     const auto offsets = block.add<offset_t>(users + 1);
///     block.allocate();
///     block.data(items)[0] = ...;
///
/// Memory is kept: a layout that is not larger than an earlier one allocates nothing.
class HostBlock {
 public:
  HostBlock() = default;
  HostBlock(HostBlock&& other) noexcept
      : memory_(std::exchange(other.memory_, nullptr)),
        capacity_(std::exchange(other.capacity_, 0)),
        bytes_(std::exchange(other.bytes_, 0)) {}
  HostBlock& operator=(HostBlock&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(capacity_, other.capacity_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~HostBlock() { release(); }

  /// Forgets all arrays.
  void clear() { bytes_ = 0; }

  /// Lays out an array, on a cache line of its own. Until `allocate`, no array may be looked at.
  template <class T>
  Section<T> add(index_t size) {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= memory_alignment);
    const Section<T> section{bytes_, size};
    bytes_ += static_cast<std::size_t>(round_up(size * static_cast<index_t>(sizeof(T)), memory_alignment));
    return section;
  }

  /// Makes room for what was laid out; uninitialised.
  void allocate() {
    if (bytes_ <= capacity_) return;
    const std::size_t grown = std::max(bytes_, capacity_ + capacity_ / 2);  // or growing batches would allocate each
    release();
    memory_ = Memory<HostSpace>::allocate(grown);
    capacity_ = grown;
  }

  template <class T>
  T* data(Section<T> section) const {
    return reinterpret_cast<T*>(static_cast<std::byte*>(memory_) + section.offset);
  }
  template <class T>
  VectorView<T, HostSpace> view(Section<T> section) const {
    return {data(section), section.size};
  }

  /// Where the arrays begin; null before the first `allocate`.
  const std::byte* begin() const { return static_cast<const std::byte*>(memory_); }
  /// Of all arrays together, in whole cache lines.
  std::size_t bytes() const { return bytes_; }

 private:
  void release() noexcept {
    if (memory_ != nullptr) Memory<HostSpace>::release(memory_, capacity_);
    memory_ = nullptr;
    capacity_ = 0;
  }

  void* memory_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t bytes_ = 0;  ///< laid out
};

}  // namespace seqrec
