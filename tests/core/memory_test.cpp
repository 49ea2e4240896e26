// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/memory.hpp"

#include <cstdint>
#include <utility>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;
using HostMemory = Memory<HostSpace>;

TEST_CASE("host memory is aligned to a cache line", "[core]") {
  std::vector<std::pair<void*, std::size_t>> blocks;
  for (const std::size_t bytes : {1u, 63u, 64u, 1000u}) blocks.emplace_back(HostMemory::allocate(bytes), bytes);
  for (const auto& [block, bytes] : blocks) {
    CHECK(reinterpret_cast<std::uintptr_t>(block) % memory_alignment == 0);
    HostMemory::release(block, bytes);
  }
}

TEST_CASE("host memory is cleared and copied both ways", "[core]") {
  int* block = static_cast<int*>(HostMemory::allocate(4 * sizeof(int)));
  const int values[4] = {1, 2, 3, 4};
  HostMemory::copy_from_host(block, values, sizeof values);
  HostMemory::clear(block + 1, 2 * sizeof(int));
  int read[4] = {};
  HostMemory::copy_to_host(read, block, sizeof read);
  CHECK(std::vector<int>(read, read + 4) == std::vector<int>{1, 0, 0, 4});
  HostMemory::release(block, 4 * sizeof(int));
}

TEST_CASE("zero bytes need no pointers", "[core]") {
  // memset and memcpy may not be given null even then: the sanitizer run proves that they are not
  CHECK_NOTHROW(HostMemory::clear(nullptr, 0));
  CHECK_NOTHROW(HostMemory::copy_from_host(nullptr, nullptr, 0));
  CHECK_NOTHROW(HostMemory::copy_to_host(nullptr, nullptr, 0));
  CHECK_NOTHROW(HostMemory::release(nullptr, 0));
}

TEST_CASE("on the host an upload is a copy", "[core]") {
  const int values[2] = {1, 2};
  int target[2] = {};
  HostMemory::Upload upload;
  upload.release({});
  upload.begin(target, values, sizeof values);
  upload.wait({});
  CHECK(target[1] == 2);
  CHECK_NOTHROW(upload.begin(nullptr, nullptr, 0));
}
