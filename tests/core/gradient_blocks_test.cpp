// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/gradient_blocks.hpp"

#include <vector>

#include "support/catch.hpp"

using namespace seqrec;
using Blocks = GradientBlocks<float, HostSpace>;

TEST_CASE("blocks of gradients are there when somebody asks for them, and begin each step at zero") {
  Blocks blocks;
  CHECK(blocks.size() == 0);
  blocks.reserve(20, /*whole=*/false);
  CHECK(blocks.size() == 20);
  CHECK_FALSE(blocks.whole());
  const ElementRange block{4, 6}, part{5, 2};
  CHECK_FALSE(blocks.find(part));
  for (int step = 0; step < 2; ++step) {
    blocks.begin_step({});
    CHECK_FALSE(blocks.find(part));
    const auto place = blocks.at(part, block, {});
    CHECK(place.size() == 2);
    CHECK(place(0) == 0);
    place(0) = 7;
    place(1) = 8;
    CHECK(blocks.at(block, block, {})(2) == 8);  // the same step goes on
    CHECK(blocks.find({4, 3}).data == place.data - 1);
    CHECK_FALSE(blocks.find({3, 2}));
    std::vector<index_t> offsets;
    blocks.for_each([&](const ElementRange& of) { offsets.push_back(of.offset); });
    CHECK(offsets == std::vector<index_t>{4});
  }
  blocks.begin_step({});
  blocks.for_each([](const ElementRange&) { FAIL("nobody has asked in this step"); });
}

TEST_CASE("gradients that are reserved as a whole are one block") {
  Blocks blocks;
  blocks.reserve(5, /*whole=*/true);
  CHECK(blocks.whole().size() == 5);
  blocks.at({3, 2}, {2, 3}, {})(1) = 4;
  CHECK(blocks.whole()(4) == 4);
  blocks.reserve(5, true);
  CHECK(blocks.whole()(4) == 4);
  blocks.begin_step({});
  CHECK(blocks.whole()(4) == 0);
  CHECK(blocks.find({0, 5}).data == blocks.whole().data);
  blocks.reserve(0, true);
  CHECK_FALSE(blocks.whole());
}

TEST_CASE("a run of elements holds those within it") {
  const ElementRange range{2, 5};
  CHECK(range.holds({2, 5}));
  CHECK(range.holds({6, 1}));
  CHECK_FALSE(range.holds({1, 2}));
  CHECK_FALSE(range.holds({6, 2}));
}
