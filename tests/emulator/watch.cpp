// SPDX-License-Identifier: Apache-2.0
// Answers the calls that -fsanitize=thread puts before every access to memory (watch.hpp). Itself compiled without, and
// it calls nothing that it might share with code that is compiled with.
#include "emulator/watch.hpp"

#include <pthread.h>
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace emulator::watch {

namespace {

using Address = std::uintptr_t;

enum State : std::uint8_t { not_allocated, undefined, defined };

/// Of each word of four bytes: who wrote it last, and up to two threads that have read it since.
struct Word {
  Moment written;
  Moment read[2];
};

// Addresses are not reused, so there must be many; memory is used only where something is written. The first part is
// for shared memory.
constexpr std::size_t range_bytes = std::size_t{1} << 40;
constexpr std::size_t shared_range_bytes = std::size_t{1} << 34;
constexpr std::size_t page = 4096;

std::byte* map(std::size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    std::perror("emulator: addresses for a watched build");
    std::abort();
  }
  return static_cast<std::byte*>(memory);
}

Address range = 0;
std::uint8_t* states = nullptr;  ///< of each byte
Word* words = nullptr;
std::size_t next_of_place[2] = {shared_range_bytes, page};

/// Before anything else, also before what other files construct at the start.
__attribute__((constructor(101))) void make_range() {
  range = reinterpret_cast<Address>(map(range_bytes));
  states = reinterpret_cast<std::uint8_t*>(map(range_bytes));
  words = reinterpret_cast<Word*>(map(range_bytes / 4 * sizeof(Word)));
}

/// A plain lock: std::mutex is inline, and may come from code that is watched.
pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
struct Lock {
  Lock() { pthread_mutex_lock(&mutex); }
  ~Lock() { pthread_mutex_unlock(&mutex); }
};

thread_local Turn* turn = nullptr;

std::size_t offset_of(const void* memory) { return reinterpret_cast<Address>(memory) - range; }
bool is_watched(const void* memory) { return range != 0 && offset_of(memory) < range_bytes; }

/// What lies at an address that is not as it should be: how far into which allocation.
void describe(Finding& finding, std::size_t offset) {
  constexpr std::size_t far = std::size_t{1} << 20;
  std::size_t begin = offset;
  while (begin > 0 && offset - begin < far && states[begin] == not_allocated) --begin;
  while (begin > 0 && states[begin - 1] != not_allocated) --begin;
  finding.offset = offset - begin;
  for (finding.allocated = 0; states[begin + finding.allocated] != not_allocated;) ++finding.allocated;
}

void found(Finding::Kind kind, std::size_t offset, std::size_t bytes, bool writes, Moment other = {},
           bool other_wrote = false) {
  if (turn->finding.kind != Finding::Kind::nothing) return;
  turn->finding = {kind,  writes,     offset < shared_range_bytes, bytes, 0, 0, static_cast<unsigned>(turn->now.thread),
                   other, other_wrote};
  describe(turn->finding, offset);
}

/// Whether nothing orders what the running thread does after what was done at another moment.
bool is_unordered(Moment before, std::size_t offset) {
  const Moment now = turn->now;
  if (before.block != now.block) return offset >= shared_range_bytes && before.block >= turn->first_block;
  if (before.barrier != now.barrier || before.thread == now.thread) return false;
  return before.thread / 32 != now.thread / 32 || before.meeting == now.meeting;
}

void look_at_word(std::size_t offset, std::size_t bytes, bool writes) {
  Word& word = words[offset / 4];
  if (is_unordered(word.written, offset)) found(Finding::Kind::race, offset, bytes, writes, word.written, true);
  if (writes) {
    for (const Moment read : word.read)
      if (is_unordered(read, offset)) found(Finding::Kind::race, offset, bytes, true, read, false);
    word.written = turn->now;
    return;
  }
  // Two readers that nothing orders are kept: one of them is not the thread that writes next.
  if (is_unordered(word.read[0], offset))
    word.read[1] = turn->now;
  else
    word.read[0] = turn->now;
}

void look(const void* memory, std::size_t bytes, bool writes) {
  const std::size_t offset = offset_of(memory);
  if (offset >= range_bytes || range == 0) return;
  std::uint8_t* const state = states + offset;
  if (turn == nullptr) {  // the emulator itself, or the host
    if (writes)
      for (std::size_t i = 0; i < bytes; ++i) state[i] = state[i] == not_allocated ? not_allocated : defined;
    return;
  }
  for (std::size_t i = 0; i < bytes; ++i) {
    if (state[i] == not_allocated) return found(Finding::Kind::outside, offset + i, bytes, writes);
    if (writes)
      state[i] = defined;
    else if (state[i] == undefined)
      return found(Finding::Kind::undefined, offset + i, bytes, false);
  }
  if (bytes >= 4 && offset % 4 == 0)
    for (std::size_t i = 0; i < bytes; i += 4) look_at_word(offset + i, bytes, writes);
}

/// Atomics define what they write, and read what must be defined.
void look_atomically(const volatile void* memory, std::size_t bytes, bool reads) {
  const void* const address = const_cast<const void*>(memory);
  const std::size_t offset = offset_of(address);
  if (offset >= range_bytes || range == 0) return;
  for (std::size_t i = 0; i < bytes; ++i) {
    std::uint8_t& state = states[offset + i];
    if (turn != nullptr && state == not_allocated) return found(Finding::Kind::outside, offset + i, bytes, true);
    if (turn != nullptr && state == undefined && reads)
      return found(Finding::Kind::undefined, offset + i, bytes, false);
    if (state == undefined) state = defined;
  }
}

}  // namespace

void set_turn(Turn* next) { turn = next; }

void* allocate(std::size_t bytes, Place place) {
  const Lock lock;
  std::size_t& next = next_of_place[place == Place::shared ? 1 : 0];
  const std::size_t offset = next;
  next += (bytes + 2 * page - 1) / page * page;  // pages of its own, and one between it and the next
  if (next > (place == Place::shared ? shared_range_bytes : range_bytes)) {
    std::fputs("emulator: a watched build has run out of addresses\n", stderr);
    std::abort();
  }
  std::memset(states + offset, undefined, bytes);
  return reinterpret_cast<void*>(range + offset);  // NOLINT(performance-no-int-to-ptr)
}

void release(void* memory, std::size_t bytes) {
  const std::size_t offset = offset_of(memory), whole = (bytes + page - 1) / page * page;
  madvise(memory, whole, MADV_DONTNEED);
  madvise(states + offset, whole, MADV_DONTNEED);
  madvise(words + offset / 4, whole / 4 * sizeof(Word), MADV_DONTNEED);
}

void undefine(void* memory, std::size_t bytes) {
  if (is_watched(memory)) std::memset(states + offset_of(memory), undefined, bytes);
}

void define(void* memory, std::size_t bytes) {
  if (is_watched(memory)) std::memset(states + offset_of(memory), defined, bytes);
}

void copy_state(void* target, const void* source, std::size_t bytes) {
  if (!is_watched(target)) return;
  if (is_watched(source))
    std::memmove(states + offset_of(target), states + offset_of(source), bytes);
  else
    define(target, bytes);
}

bool is_defined(const void* memory, std::size_t bytes) {
  if (!is_watched(memory)) return true;
  const std::uint8_t* const state = states + offset_of(memory);
  for (std::size_t i = 0; i < bytes; ++i)
    if (state[i] != defined) return false;
  return true;
}

}  // namespace emulator::watch

// --- the compiler's calls -----------------------------------------------------------------------------------------

// NOLINTBEGIN(bugprone-reserved-identifier)
using emulator::watch::look;
using emulator::watch::look_atomically;

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void __tsan_read_range(void* memory, std::size_t bytes) { look(memory, bytes, false); }
void __tsan_write_range(void* memory, std::size_t bytes) { look(memory, bytes, true); }

#define SEQREC_ACCESS(bytes)                                                      \
  void __tsan_read##bytes(void* memory) { look(memory, bytes, false); }           \
  void __tsan_write##bytes(void* memory) { look(memory, bytes, true); }           \
  void __tsan_unaligned_read##bytes(void* memory) { look(memory, bytes, false); } \
  void __tsan_unaligned_write##bytes(void* memory) { look(memory, bytes, true); } \
  void __tsan_volatile_read##bytes(void* memory) { look(memory, bytes, false); }  \
  void __tsan_volatile_write##bytes(void* memory) { look(memory, bytes, true); }
SEQREC_ACCESS(1)
SEQREC_ACCESS(2)
SEQREC_ACCESS(4)
SEQREC_ACCESS(8)
SEQREC_ACCESS(16)
#undef SEQREC_ACCESS

// The sanitizer performs atomics itself, so they must be performed here.
#define SEQREC_CHANGE(bits, type, name)                                       \
  type __tsan_atomic##bits##_##name(volatile type* memory, type value, int) { \
    look_atomically(memory, sizeof(type), true);                              \
    return __atomic_##name(memory, value, __ATOMIC_SEQ_CST);                  \
  }
#define SEQREC_COMPARE(bits, type, name)                                                                           \
  int __tsan_atomic##bits##_compare_exchange_##name(volatile type* memory, type* expected, type value, int, int) { \
    look_atomically(memory, sizeof(type), true);                                                                   \
    return __atomic_compare_exchange_n(memory, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);        \
  }
#define SEQREC_ATOMICS(bits, type)                                                                              \
  type __tsan_atomic##bits##_load(const volatile type* memory, int) {                                           \
    look_atomically(memory, sizeof(type), true);                                                                \
    return __atomic_load_n(memory, __ATOMIC_SEQ_CST);                                                           \
  }                                                                                                             \
  void __tsan_atomic##bits##_store(volatile type* memory, type value, int) {                                    \
    look_atomically(memory, sizeof(type), false);                                                               \
    __atomic_store_n(memory, value, __ATOMIC_SEQ_CST);                                                          \
  }                                                                                                             \
  type __tsan_atomic##bits##_exchange(volatile type* memory, type value, int) {                                 \
    look_atomically(memory, sizeof(type), true);                                                                \
    return __atomic_exchange_n(memory, value, __ATOMIC_SEQ_CST);                                                \
  }                                                                                                             \
  type __tsan_atomic##bits##_compare_exchange_val(volatile type* memory, type expected, type value, int, int) { \
    look_atomically(memory, sizeof(type), true);                                                                \
    __atomic_compare_exchange_n(memory, &expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);           \
    return expected;                                                                                            \
  }                                                                                                             \
  SEQREC_COMPARE(bits, type, strong)                                                                            \
  SEQREC_COMPARE(bits, type, weak)                                                                              \
  SEQREC_CHANGE(bits, type, fetch_add)                                                                          \
  SEQREC_CHANGE(bits, type, fetch_sub)                                                                          \
  SEQREC_CHANGE(bits, type, fetch_and)                                                                          \
  SEQREC_CHANGE(bits, type, fetch_or)                                                                           \
  SEQREC_CHANGE(bits, type, fetch_xor)                                                                          \
  SEQREC_CHANGE(bits, type, fetch_nand)
SEQREC_ATOMICS(8, unsigned char)
SEQREC_ATOMICS(16, unsigned short)
SEQREC_ATOMICS(32, unsigned)
SEQREC_ATOMICS(64, unsigned long)
#undef SEQREC_ATOMICS
#undef SEQREC_CHANGE
#undef SEQREC_COMPARE
void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
void __tsan_atomic_signal_fence(int) {}

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier)
