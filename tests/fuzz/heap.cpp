// SPDX-License-Identifier: Apache-2.0
// Counts the bytes on the heap: by a sanitizer's hooks, or where there is none by replaced `new` and `delete`.
#include "fuzz/heap.hpp"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SEQREC_FUZZ_HOOKS
#endif
#endif
// (A watched build has the thread sanitizer's calls, which the emulator answers, but no sanitizer.)
#if (defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)) && !defined(SEQREC_EMULATOR_WATCHED)
#define SEQREC_FUZZ_HOOKS
#endif

#ifdef SEQREC_FUZZ_HOOKS
// As in <sanitizer/allocator_interface.h>, which g++ does not always bring along.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void*, std::size_t),
                                                         void (*)(const volatile void*));
extern "C" std::size_t __sanitizer_get_allocated_size(const volatile void*);
#else
#include <malloc.h>
#endif

namespace seqrec_fuzz {
namespace {

std::atomic<std::int64_t> held{0}, peak{0}, start{0};

void taken(std::size_t bytes) {
  const std::int64_t now = held += static_cast<std::int64_t>(bytes);
  for (std::int64_t most = peak; now > most && !peak.compare_exchange_weak(most, now);) {
  }
}
void given_back(std::size_t bytes) { held -= static_cast<std::int64_t>(bytes); }

}  // namespace

void watch_heap() {
#ifdef SEQREC_FUZZ_HOOKS
  static const int installed =
      __sanitizer_install_malloc_and_free_hooks([](const volatile void*, std::size_t size) { taken(size); },
                                                [](const volatile void* memory) {
                                                  if (memory != nullptr)
                                                    given_back(__sanitizer_get_allocated_size(memory));
                                                });
  if (installed == 0) std::abort();
#endif
  start = peak = held.load();
}

std::size_t heap_peak() { return static_cast<std::size_t>(peak - start); }

#ifndef SEQREC_FUZZ_HOOKS

namespace {

void* counted(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  taken(malloc_usable_size(memory));
  return memory;
}
void release(void* memory) noexcept {
  if (memory != nullptr) given_back(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

#endif

}  // namespace seqrec_fuzz

#ifndef SEQREC_FUZZ_HOOKS

// Not inlined: the compiler would see `free` on memory that it takes to come from somebody else's `new`.
#define SEQREC_FUZZ_REPLACED __attribute__((noinline))

SEQREC_FUZZ_REPLACED void* operator new(std::size_t size) {
  return seqrec_fuzz::counted(std::malloc(size == 0 ? 1 : size));
}
SEQREC_FUZZ_REPLACED void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto unit = static_cast<std::size_t>(alignment);
  return seqrec_fuzz::counted(std::aligned_alloc(unit, (size + unit) / unit * unit));
}
SEQREC_FUZZ_REPLACED void operator delete(void* memory) noexcept { seqrec_fuzz::release(memory); }
SEQREC_FUZZ_REPLACED void operator delete(void* memory, std::size_t) noexcept { seqrec_fuzz::release(memory); }
SEQREC_FUZZ_REPLACED void operator delete(void* memory, std::align_val_t) noexcept { seqrec_fuzz::release(memory); }
SEQREC_FUZZ_REPLACED void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  seqrec_fuzz::release(memory);
}

#endif
