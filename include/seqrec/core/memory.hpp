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
/// again. `release` is told the size that `allocate` was asked for.
template <class Space>
struct Memory;

/// The host: the C++ allocator and memcpy. There is one order of work, that of the calls.
template <>
struct Memory<HostSpace> {
  struct Stream {};

  static void* allocate(std::size_t bytes) { return ::operator new(bytes, std::align_val_t(memory_alignment)); }
  static void release(void* memory, std::size_t) noexcept {
    ::operator delete(memory, std::align_val_t(memory_alignment));
  }
  static void clear(void* memory, std::size_t bytes, Stream = {}) {
    if (bytes != 0) std::memset(memory, 0, bytes);
  }
  static void copy_from_host(void* target, const void* host, std::size_t bytes, Stream = {}) {
    if (bytes != 0) std::memcpy(target, host, bytes);
  }
  static void copy_to_host(void* host, const void* source, std::size_t bytes, Stream = {}) {
    if (bytes != 0) std::memcpy(host, source, bytes);
  }
};

}  // namespace seqrec
