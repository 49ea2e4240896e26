// SPDX-License-Identifier: Apache-2.0
// Asynchronous copies to shared memory: each arrives as late as its thread allows, under reversed schedules at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "emulator/block.hpp"

namespace emulator {

struct AsyncCopy {
  void* shared;
  const void* global;
  int bytes;
  int valid;

  /// Word by word, so that a watched build sees it.
  void arrive() const {
    auto* const to = static_cast<std::uint32_t*>(shared);
    const auto* const from = static_cast<const std::uint32_t*>(global);
    for (int word = 0; word < bytes / 4; ++word) {
      const int left = valid - 4 * word;
      std::uint32_t value = 0;
      if (left >= 4)
        value = from[word];
      else
        for (int byte = 0; byte < left; ++byte)
          value |= std::uint32_t{static_cast<const std::uint8_t*>(global)[4 * word + byte]} << (8 * byte);
      to[word] = value;
    }
  }
};

/// What a thread has under way.
struct AsyncCopies {
  std::vector<AsyncCopy> open;                ///< of no group yet
  std::deque<std::vector<AsyncCopy>> groups;  ///< in the order of their commits
};

/// Of the threads of the block that runs on this system thread.
inline AsyncCopies& async_copies() {
  static thread_local std::map<std::size_t, AsyncCopies> of_thread;
  static thread_local std::uint64_t block = 0;
  const Block& current = Block::current();
  if (block != current.number()) of_thread.clear();  // what nobody waited for never arrives
  block = current.number();
  return of_thread[current.thread()];
}

inline void copy_async(void* shared, const void* global, int bytes, int valid) {
  const auto misaligned = [bytes](const void* address) {
    return reinterpret_cast<std::uintptr_t>(address) % static_cast<unsigned>(bytes) != 0;
  };
  Block& block = Block::current();
  if (misaligned(shared) || misaligned(global))
    block.fail("copies " + std::to_string(bytes) + " bytes from or to an address that is no multiple of that");
  if (valid < 0 || valid > bytes)
    block.fail("copies " + std::to_string(valid) + " of " + std::to_string(bytes) + " bytes");
  const AsyncCopy copy{shared, global, bytes, valid};
  if (block.seed() == 1)
    copy.arrive();
  else
    async_copies().open.push_back(copy);
}

inline void commit_copies() {
  AsyncCopies& mine = async_copies();
  mine.groups.push_back(std::move(mine.open));
  mine.open.clear();
}

inline void wait_for_copies(int under_way) {
  AsyncCopies& mine = async_copies();
  for (; mine.groups.size() > static_cast<std::size_t>(under_way); mine.groups.pop_front())
    for (const AsyncCopy& copy : mine.groups.front()) copy.arrive();
}

}  // namespace emulator
