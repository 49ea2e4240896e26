// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "seqrec/core/memory.hpp"

namespace seqrec {

/// Memory that is handed out piece by piece and taken back all at once. Grows in blocks while a step is new to it;
/// `reset` then merges the blocks, so that a step of a size seen before allocates nothing.
///
/// Where all that is done in its memory belongs to one order of work (`use_stream`), blocks come and go in that order,
/// and nobody waits for them.
template <class Space>
class Arena {
 public:
  using Stream = typename Memory<Space>::Stream;

  Arena() = default;
  Arena(Arena&& other) noexcept
      : stream_(other.stream_), blocks_(std::move(other.blocks_)), used_(std::exchange(other.used_, 0)) {
    other.blocks_.clear();
  }
  Arena& operator=(Arena&& other) noexcept {
    std::swap(stream_, other.stream_);
    std::swap(blocks_, other.blocks_);
    std::swap(used_, other.used_);
    return *this;
  }
  /// Waits for what uses the memory: an order of work may be gone before it.
  ~Arena() {
    for (const Block& block : blocks_) Memory<Space>::release(block.memory, block.size);
  }

  /// Names the order of work, before anything is handed out.
  void use_stream(Stream stream) { stream_ = stream; }

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

  /// Takes everything back. What was handed out must no longer be used by what comes later.
  void reset() {
    if (blocks_.size() > 1) {
      const std::size_t total = capacity();
      for (; !blocks_.empty(); blocks_.pop_back()) {  // one by one: to release in a stream may throw
        const Block& block = blocks_.back();
        stream_ ? Memory<Space>::release(block.memory, block.size, *stream_)
                : Memory<Space>::release(block.memory, block.size);
      }
      grow(total);
    } else if (used_ != 0) {
      Memory<Space>::forget(blocks_.back().memory, used_, stream_.value_or(Stream{}));
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
    blocks_.push_back({stream_ ? Memory<Space>::allocate(size, *stream_) : Memory<Space>::allocate(size), size});
  }

  std::optional<Stream> stream_;
  std::vector<Block> blocks_;
  std::size_t used_ = 0;  ///< bytes handed out of the last block
};

}  // namespace seqrec
