// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "seqrec/core/memory.hpp"

namespace seqrec {

/// Memory that is handed out piece by piece and taken back all at once. Grows in blocks while a step is new to it;
/// `reset` then merges the blocks, so that a step of a size seen before allocates nothing.
template <class Space>
class Arena {
 public:
  Arena() = default;
  Arena(Arena&& other) noexcept : blocks_(std::move(other.blocks_)), used_(std::exchange(other.used_, 0)) {
    other.blocks_.clear();
  }
  Arena& operator=(Arena&& other) noexcept {
    std::swap(blocks_, other.blocks_);
    std::swap(used_, other.used_);
    return *this;
  }
  ~Arena() { release(); }

  /// Uninitialised memory for `count` values, aligned to a cache line, valid until `reset`.
  template <class T>
  T* allocate(index_t count) {
    const auto bytes = static_cast<std::size_t>(round_up(count * static_cast<index_t>(sizeof(T)), memory_alignment));
    if (blocks_.empty() || used_ + bytes > blocks_.back().size) {
      grow(bytes);
      used_ = 0;
    }
    void* memory = static_cast<char*>(blocks_.back().memory) + used_;
    used_ += bytes;
    return static_cast<T*>(memory);
  }

  /// Takes everything back. What was handed out must no longer be used.
  /// @param stream  the order of work that it was used in
  void reset(typename Memory<Space>::Stream stream = {}) {
    if (blocks_.size() > 1) {
      const std::size_t total = capacity();
      release();
      grow(total);
    } else if (used_ != 0) {
      Memory<Space>::forget(blocks_.back().memory, used_, stream);
    }
    used_ = 0;
  }

  /// Bytes held, in use or not.
  std::size_t capacity() const {
    std::size_t total = 0;
    for (const Block& block : blocks_) total += block.size;
    return total;
  }

 private:
  struct Block {
    void* memory;
    std::size_t size;
  };

  void grow(std::size_t bytes) {
    const std::size_t size = std::max({bytes, capacity(), std::size_t{64} << 10});
    blocks_.reserve(blocks_.size() + 1);
    blocks_.push_back({Memory<Space>::allocate(size), size});
  }
  void release() noexcept {
    for (const Block& block : blocks_) Memory<Space>::release(block.memory, block.size);
    blocks_.clear();
  }

  std::vector<Block> blocks_;
  std::size_t used_ = 0;  ///< bytes handed out of the last block
};

}  // namespace seqrec
