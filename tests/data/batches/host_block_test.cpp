// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/batches/host_block.hpp"

#include <cstdint>
#include <type_traits>
#include <utility>

#include "support/catch.hpp"

using namespace seqrec;

static_assert(!std::is_copy_constructible_v<HostBlock>);

namespace {

std::uintptr_t address(const void* memory) { return reinterpret_cast<std::uintptr_t>(memory); }

}  // namespace

TEST_CASE("arrays of a block lie one after another, each on a cache line", "[data]") {
  HostBlock block;
  CHECK(block.begin() == nullptr);
  const auto bytes = block.add<char>(3);
  const auto nothing = block.add<double>(0);
  const auto doubles = block.add<double>(9);
  const auto offsets = block.add<offset_t>(16);
  block.allocate();
  CHECK(block.bytes() == 64 + 0 + 128 + 64);
  CHECK(address(block.begin()) % 64 == 0);
  CHECK(address(block.data(bytes)) == address(block.begin()));
  CHECK(address(block.data(nothing)) == address(block.begin()) + 64);
  CHECK(address(block.data(doubles)) == address(block.begin()) + 64);
  CHECK(address(block.data(offsets)) == address(block.begin()) + 192);
  CHECK(block.view(doubles).size() == 9);
  CHECK(block.view(doubles).data == block.data(doubles));
}

TEST_CASE("a block keeps its memory for layouts that are not larger", "[data]") {
  HostBlock block;
  block.add<char>(1000);
  block.allocate();
  const auto* const memory = block.begin();
  block.clear();
  CHECK(block.bytes() == 0);
  const auto small = block.add<int>(5);
  block.allocate();
  CHECK(block.begin() == memory);
  block.data(small)[4] = 7;
  HostBlock moved(std::move(block));
  CHECK(moved.begin() == memory);
  CHECK(moved.data(small)[4] == 7);
  block = std::move(moved);
  CHECK(block.begin() == memory);
  block.clear();
  block.add<char>(2000);
  block.allocate();
  block.clear();
  block.add<char>(2900);  // growth has room to spare, or batches that grow a little would allocate each time
  block.allocate();
  const auto* const larger = block.begin();
  block.clear();
  block.add<char>(3000);
  block.allocate();
  CHECK(block.begin() == larger);
}
