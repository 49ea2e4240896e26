// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstring>
#include <new>

#include "seqrec/core/types.hpp"

namespace seqrec {

/// Rows and arena blocks start on a cache line, which is also the widest vector register.
inline constexpr std::size_t memory_alignment = 64;

/// How to obtain, copy and release memory of a space. Each space specialises it: the host here, the device in cuda/.
///
/// What touches the memory's content takes a Stream, the order of work that it belongs to: a context's own, or by
/// default that of a program's set-up. copy_to_host returns when the bytes are there; the others when `host` may change
/// again. With a Stream `allocate` gives memory for that order of work alone, and `release` takes it back when the work
/// before is done; without one, memory is there at once for whatever comes, and `release` waits for whatever used it.
/// `release` is told the size that `allocate` was asked for; `forget` only says that the content is of no use any more.
///
/// An Upload copies from the host to one place after another, beside what runs in streams: `begin(target, host, bytes)`
/// starts a copy, behind all that a reader of the place before had been given when it called `release(stream)`; what a
/// reader is given after `wait(stream)` finds it.
template <class Space>
struct Memory;

/// The host: the C++ allocator and memcpy. There is one order of work, that of the calls.
template <>
struct Memory<HostSpace> {
  struct Stream {};

  static void* allocate(std::size_t bytes, Stream = {}) {
    return ::operator new(bytes, std::align_val_t(memory_alignment));
  }
  static void release(void* memory, std::size_t, Stream = {}) noexcept {
    ::operator delete(memory, std::align_val_t(memory_alignment));
  }
  static void clear(void* memory, std::size_t bytes, Stream = {}) {
    if (bytes != 0) std::memset(memory, 0, bytes);
  }
  static void forget(void*, std::size_t, Stream = {}) {}
  static void copy_from_host(void* target, const void* host, std::size_t bytes, Stream = {}) {
    if (bytes != 0) std::memcpy(target, host, bytes);
  }
  static void copy_to_host(void* host, const void* source, std::size_t bytes, Stream = {}) {
    if (bytes != 0) std::memcpy(host, source, bytes);
  }

  /// Nothing runs beside the calls: copies are made at once.
  struct Upload {
    void begin(void* target, const void* host, std::size_t bytes) { copy_from_host(target, host, bytes); }
    void wait(Stream) const {}
    void release(Stream) {}
  };
};

}  // namespace seqrec
