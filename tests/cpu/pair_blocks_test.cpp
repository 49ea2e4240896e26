// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/pair_blocks.hpp"

#include <tuple>
#include <vector>

#include "seqrec/core/candidates.hpp"
#include "seqrec/cpu/context.hpp"
#include "support/candidate_lists.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using namespace seqrec_test;
using Context = cpu::BasicContext<double>;

namespace {

/// What PairBlocks reads of an op's arguments.
struct Arguments {
  VectorView<const offset_t, HostSpace> offsets;
  Candidates<HostSpace> candidates;
};

using Blocks = cpu::detail::PairBlocks<Context>;

}  // namespace

TEST_CASE("pair blocks: whole candidates, each with its keys, until there are enough pairs", "[cpu]") {
  // Two histories of 200 and 150 rows; a window of 120.
  const CandidateLists lists{{200, 150}, {3, 2}, {0, 60, 200, 150, 100}, 120};
  const PlacedCandidates<HostSpace> placed(lists);
  Context context;
  const Blocks blocks(context, Arguments{placed.histories(), placed.view()});
  CHECK(blocks.most_seen() == 120);
  CHECK(blocks.most_pairs() == cpu::detail::attention_block_pairs + 120);

  std::vector<std::vector<index_t>> cuts;
  std::vector<std::tuple<index_t, index_t, index_t, index_t>> candidates;
  blocks.for_each([&](const cpu::detail::PairBlock& block) {
    cuts.push_back({block.first, block.last, block.begin, block.end});
    blocks.for_each_candidate(block, [&](index_t c, index_t pair, index_t key, index_t seen) {
      candidates.emplace_back(c, pair, key, seen);
    });
  });
  CHECK(cuts == std::vector<std::vector<index_t>>{{0, 4, 0, 300}, {4, 5, 300, 400}});
  REQUIRE(candidates.size() == 5);
  CHECK(candidates[0] == std::tuple<index_t, index_t, index_t, index_t>{0, 0, 0, 0});
  CHECK(candidates[1] == std::tuple<index_t, index_t, index_t, index_t>{1, 0, 0, 60});
  CHECK(candidates[2] == std::tuple<index_t, index_t, index_t, index_t>{2, 60, 80, 120});
  CHECK(candidates[3] == std::tuple<index_t, index_t, index_t, index_t>{3, 180, 230, 120});
  CHECK(candidates[4] == std::tuple<index_t, index_t, index_t, index_t>{4, 0, 200, 100});
}

TEST_CASE("pair blocks: few pairs take no more room than they are, nobody none", "[cpu]") {
  Context context;
  const CandidateLists few{{5}, {1}, {4}};
  const PlacedCandidates<HostSpace> placed(few);
  CHECK(Blocks(context, Arguments{placed.histories(), placed.view()}).most_pairs() == 4);
  const CandidateLists none{{5}, {0}, {}};
  const PlacedCandidates<HostSpace> nobody(none);
  const Blocks blocks(context, Arguments{nobody.histories(), nobody.view()});
  CHECK(blocks.most_pairs() == 0);
  blocks.for_each([](const cpu::detail::PairBlock&) { FAIL("there is nothing to work on"); });
}
