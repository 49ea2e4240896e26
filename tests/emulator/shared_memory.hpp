// SPDX-License-Identifier: Apache-2.0
// A block's shared memory: dynamic, or a `shared_array` in a kernel.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "emulator/watch.hpp"

namespace emulator {

/// Fills memory that a kernel must find as the hardware leaves it: undefined. As a float it is -4e8.
inline constexpr int undefined_byte = 0xCD;

/// Exactly as long as asked for, so that the address sanitizer sees one byte too many.
class SharedMemory {
 public:
  explicit SharedMemory(std::size_t bytes) : bytes_(bytes) {
    if constexpr (watch::on)
      memory_ = static_cast<std::byte*>(watch::allocate(bytes, watch::Place::shared));
    else
      memory_ = new std::byte[bytes];
    std::memset(memory_, undefined_byte, bytes);
  }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  ~SharedMemory() {
    if constexpr (watch::on)
      watch::release(memory_, bytes_);
    else
      delete[] memory_;
  }

  std::size_t size() const { return bytes_; }
  std::byte* use() {
    used_ = true;
    return memory_;
  }
  /// As it must be at the start of a block.
  void undefine() {
    if (!std::exchange(used_, false)) return;
    std::memset(memory_, undefined_byte, bytes_);
    if constexpr (watch::on) watch::undefine(memory_, bytes_);
  }

 private:
  std::byte* memory_ = nullptr;
  std::size_t bytes_;
  bool used_ = false;  ///< since it was last undefined
};

/// The `shared_array`s met so far on this system thread.
inline thread_local std::vector<SharedMemory*> static_shared;

}  // namespace emulator
