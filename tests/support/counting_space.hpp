// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "seqrec/core/memory.hpp"

namespace seqrec_test {

/// Host memory that counts: shows what allocates and that everything is released.
struct CountingSpace {
  static inline int allocations = 0;  ///< ever
  static inline int held = 0;         ///< not yet released
};

}  // namespace seqrec_test

template <>
struct seqrec::Memory<seqrec_test::CountingSpace> : seqrec::Memory<seqrec::HostSpace> {
  static void* allocate(std::size_t bytes, Stream = {}) {
    ++seqrec_test::CountingSpace::allocations;
    ++seqrec_test::CountingSpace::held;
    return Memory<HostSpace>::allocate(bytes);
  }
  static void release(void* memory, std::size_t bytes, Stream = {}) noexcept {
    --seqrec_test::CountingSpace::held;
    Memory<HostSpace>::release(memory, bytes);
  }
};
