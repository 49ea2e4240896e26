// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/arena.hpp"

#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/counting_space.hpp"

using namespace seqrec;
using seqrec_test::CountingSpace;

namespace {

/// What a step takes: pieces of very different sizes, more than one block of them.
void take_step(Arena<CountingSpace>& arena) {
  for (const index_t size : {100, 1, 50'000, 7, 0, 200'000, 3}) arena.allocate<float>(size);
}

}  // namespace

TEST_CASE("pieces of an arena are aligned and do not overlap", "[core]") {
  Arena<HostSpace> arena;
  struct Piece {
    unsigned char* memory;
    std::size_t bytes;
  };
  std::vector<Piece> pieces;
  for (int i = 0; i < 300; ++i) {
    const index_t size = (i * 7919) % 3000;
    pieces.push_back({arena.allocate<unsigned char>(size), static_cast<std::size_t>(size)});
    CHECK(reinterpret_cast<std::uintptr_t>(pieces.back().memory) % memory_alignment == 0);
  }
  // overlapping pieces would overwrite each other's mark; memory not ours is found by the address sanitizer
  for (std::size_t i = 0; i < pieces.size(); ++i)
    std::memset(pieces[i].memory, static_cast<int>(i % 251), pieces[i].bytes);
  bool intact = true;
  for (std::size_t i = 0; i < pieces.size(); ++i)
    for (std::size_t byte = 0; byte < pieces[i].bytes; ++byte) intact &= pieces[i].memory[byte] == i % 251;
  CHECK(intact);
}

TEST_CASE("a step of a size seen before allocates nothing", "[core]") {
  CountingSpace::allocations = CountingSpace::held = 0;
  {
    Arena<CountingSpace> arena;
    take_step(arena);
    CHECK(CountingSpace::held > 1);  // grew in several blocks, so there is something to merge
    arena.reset();
    CHECK(CountingSpace::held == 1);
    const int before = CountingSpace::allocations;
    const std::size_t capacity = arena.capacity();
    for (int step = 0; step < 5; ++step) {
      take_step(arena);
      arena.reset();
    }
    CHECK(CountingSpace::allocations == before);
    CHECK(arena.capacity() == capacity);
  }
  CHECK(CountingSpace::held == 0);
}

TEST_CASE("an arena hands out the same memory after a reset", "[core]") {
  Arena<HostSpace> arena;
  int* first = arena.allocate<int>(10);
  arena.reset();
  CHECK(arena.allocate<int>(10) == first);
}

TEST_CASE("an arena that was not used holds nothing", "[core]") {
  CountingSpace::allocations = 0;
  Arena<CountingSpace> arena;
  arena.reset();
  CHECK(arena.capacity() == 0);
  CHECK(CountingSpace::allocations == 0);
}

TEST_CASE("an arena moves with what it handed out", "[core]") {
  CountingSpace::allocations = CountingSpace::held = 0;
  {
    Arena<CountingSpace> first;
    int* piece = first.allocate<int>(4);
    piece[3] = 7;
    Arena<CountingSpace> second(std::move(first));
    CHECK(piece[3] == 7);
    CHECK(first.capacity() == 0);  // NOLINT(bugprone-use-after-move): moved-from is empty and usable
    CHECK(second.allocate<int>(4) != piece);

    first.allocate<int>(1)[0] = 1;
    first = std::move(second);
    CHECK(piece[3] == 7);
  }
  CHECK(CountingSpace::held == 0);
}
