// SPDX-License-Identifier: Apache-2.0
// Replaces every form of `new` and `delete` by one that counts. Include it in one file of an executable only.
#pragma once

#include <malloc.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace seqrec_test {

/// How often this executable has called `new`.
inline std::atomic<std::size_t> allocations{0};
/// The most bytes that one of these calls asked for. May be set back to 0.
inline std::atomic<std::size_t> largest_allocation{0};

/// How many bytes are allocated at present, and how many have been at most. The latter may be set back to the former.
inline std::atomic<std::size_t> allocated{0}, most_allocated{0};

namespace counting {

inline void raise(std::atomic<std::size_t>& maximum, std::size_t to) noexcept {
  for (std::size_t largest = maximum; to > largest;)
    if (maximum.compare_exchange_weak(largest, to)) break;
}

inline void* allocate(std::size_t size, std::size_t alignment) noexcept {
  ++allocations;
  raise(largest_allocation, size);
  if (size == 0) size = 1;
  void* const memory = alignment <= alignof(std::max_align_t)
                           ? std::malloc(size)
                           : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  raise(most_allocated, allocated += ::malloc_usable_size(memory));
  return memory;
}
inline void release(void* memory) noexcept {
  allocated -= ::malloc_usable_size(memory);
  std::free(memory);
}
inline void* require(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace counting
}  // namespace seqrec_test

// All forms, because a sanitizer has its own of those that are missing, and tells which of its own belong together.
// Not inlined: the compiler would see `free` on memory that it takes to come from somebody else's `new`.
#define SEQREC_TEST_REPLACED __attribute__((noinline))

// One file of a program includes this.
// NOLINTBEGIN(misc-definitions-in-headers)

SEQREC_TEST_REPLACED void* operator new(std::size_t size) {
  return seqrec_test::counting::require(seqrec_test::counting::allocate(size, 1));
}
SEQREC_TEST_REPLACED void* operator new[](std::size_t size) {
  return seqrec_test::counting::require(seqrec_test::counting::allocate(size, 1));
}
SEQREC_TEST_REPLACED void* operator new(std::size_t size, std::align_val_t alignment) {
  return seqrec_test::counting::require(seqrec_test::counting::allocate(size, static_cast<std::size_t>(alignment)));
}
SEQREC_TEST_REPLACED void* operator new[](std::size_t size, std::align_val_t alignment) {
  return seqrec_test::counting::require(seqrec_test::counting::allocate(size, static_cast<std::size_t>(alignment)));
}
SEQREC_TEST_REPLACED void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return seqrec_test::counting::allocate(size, 1);
}
SEQREC_TEST_REPLACED void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return seqrec_test::counting::allocate(size, 1);
}
SEQREC_TEST_REPLACED void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return seqrec_test::counting::allocate(size, static_cast<std::size_t>(alignment));
}
SEQREC_TEST_REPLACED void* operator new[](std::size_t size, std::align_val_t alignment,
                                          const std::nothrow_t&) noexcept {
  return seqrec_test::counting::allocate(size, static_cast<std::size_t>(alignment));
}
SEQREC_TEST_REPLACED void operator delete(void* memory) noexcept { seqrec_test::counting::release(memory); }
SEQREC_TEST_REPLACED void operator delete[](void* memory) noexcept { seqrec_test::counting::release(memory); }
SEQREC_TEST_REPLACED void operator delete(void* memory, std::size_t) noexcept {
  seqrec_test::counting::release(memory);
}
SEQREC_TEST_REPLACED void operator delete[](void* memory, std::size_t) noexcept {
  seqrec_test::counting::release(memory);
}
SEQREC_TEST_REPLACED void operator delete(void* memory, std::align_val_t) noexcept {
  seqrec_test::counting::release(memory);
}
SEQREC_TEST_REPLACED void operator delete[](void* memory, std::align_val_t) noexcept {
  seqrec_test::counting::release(memory);
}
SEQREC_TEST_REPLACED void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  seqrec_test::counting::release(memory);
}
SEQREC_TEST_REPLACED void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  seqrec_test::counting::release(memory);
}
SEQREC_TEST_REPLACED void operator delete(void* memory, const std::nothrow_t&) noexcept {
  seqrec_test::counting::release(memory);
}
SEQREC_TEST_REPLACED void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  seqrec_test::counting::release(memory);
}
// NOLINTEND(misc-definitions-in-headers)
