// SPDX-License-Identifier: Apache-2.0
// Memory of the host that the device reads and writes itself: copies to and from it wait in their stream, while
// pageable memory is copied aside at once, and waited for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace emulator {

class PinnedMemory {
 public:
  void* allocate(std::size_t bytes) {
    std::vector<std::byte> block(bytes);
    void* const memory = block.data();
    const std::lock_guard lock(mutex_);
    blocks_.emplace(reinterpret_cast<std::uintptr_t>(memory), std::move(block));
    return memory;
  }
  bool release(void* memory) {
    const std::lock_guard lock(mutex_);
    return blocks_.erase(reinterpret_cast<std::uintptr_t>(memory)) != 0;
  }
  bool holds(const void* memory, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    const auto address = reinterpret_cast<std::uintptr_t>(memory);
    auto block = blocks_.upper_bound(address);
    if (block == blocks_.begin()) return false;
    --block;
    const std::size_t offset = address - block->first, size = block->second.size();
    return offset < size && bytes <= size - offset;
  }

 private:
  std::mutex mutex_;
  std::map<std::uintptr_t, std::vector<std::byte>> blocks_;
};

inline PinnedMemory& pinned_memory() {
  static PinnedMemory memory;
  return memory;
}

}  // namespace emulator
