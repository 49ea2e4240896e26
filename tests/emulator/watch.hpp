// SPDX-License-Identifier: Apache-2.0
// Watched builds: every access of a kernel to device and shared memory is looked at. What is found: memory read that
// nobody wrote, memory used that nobody asked for or that was given back, and two threads that use the same word, one
// of them writing, with nothing that orders them.
//
// Such a program is compiled with -fsanitize=thread, for the calls that the compiler then puts before each access, and
// linked with emulator/watch.cpp instead of the sanitizer, which answers them (tests/emulator/watch.cmake). All memory
// that is watched lies in one range of addresses, so that most calls end after one comparison.
//
// Order. A barrier orders all threads of its block, an operation of a warp the lanes that take part, the end of a
// launch everything. Atomics are no race among each other, and are not compared with other accesses; neither are
// accesses of less than four bytes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace emulator::watch {

#ifdef SEQREC_EMULATOR_WATCHED
inline constexpr bool on = true;
#else
inline constexpr bool on = false;
#endif

/// When a thread did something: two moments of one launch are in order if a barrier or a warp operation lies between.
struct Moment {
  std::uint64_t block : 30;    ///< blocks are counted through all launches; 0 is no moment
  std::uint64_t barrier : 12;  ///< how many the block had passed
  std::uint64_t meeting : 12;  ///< the same of the lane's warp operations
  std::uint64_t thread : 10;   ///< in the block
};

/// The first thing that was wrong in a block.
struct Finding {
  enum class Kind : unsigned char { nothing, undefined, outside, race };
  Kind kind = Kind::nothing;
  bool writes = false;
  bool shared = false;  ///< shared memory, not device memory
  std::size_t bytes = 0;
  std::size_t offset = 0;     ///< from the begin of the allocation at or before it...
  std::size_t allocated = 0;  ///< ...and the size of that
  unsigned thread = 0;
  Moment other{};  ///< of a race: who was there before...
  bool other_wrote = false;
};

/// The thread of a block that runs now.
struct Turn {
  Moment now{};
  std::uint64_t first_block = 0;  ///< of the launch
  Finding finding;
};

/// Says whose accesses those of this system thread are; nobody's where `turn` is null.
void set_turn(Turn* turn);

enum class Place { device, shared };
/// Memory that is undefined until it is written. Its addresses are never given out again.
void* allocate(std::size_t bytes, Place place);
void release(void* memory, std::size_t bytes);
/// What is in there counts as never written.
void undefine(void* memory, std::size_t bytes);
/// It counts as written, as by a copy from the host. Nothing happens to memory that is not watched, here and below.
void define(void* memory, std::size_t bytes);
/// As a copy of the bytes does: what was undefined there is so here.
void copy_state(void* target, const void* source, std::size_t bytes);
/// Whether all of it was written. True of memory that is not watched.
bool is_defined(const void* memory, std::size_t bytes);

}  // namespace emulator::watch
