// SPDX-License-Identifier: Apache-2.0
#include "seqrec/serve/sole_context.hpp"

#include <vector>

#include "support/catch.hpp"
#include "support/other_space.hpp"

using namespace seqrec;

namespace {

struct Numbers {
  index_t num_shards() const { return 3; }
  index_t shard(index_t i) const { return 10 * i; }
};

}  // namespace

TEST_CASE("a context alone takes every shard, each anew", "[serve]") {
  seqrec_test::OtherContext context;
  detail::SoleContext team(context);
  CHECK(&team.context() == &context);
  std::vector<index_t> seen;
  team.run(Numbers(), [&](seqrec_test::OtherContext& of, index_t shard) {
    CHECK(&of == &context);
    CHECK(of.next_dropout(0.5, 0).site == 0);  // begun anew
    seen.push_back(shard);
  });
  CHECK(seen == std::vector<index_t>{0, 10, 20});
}
