// SPDX-License-Identifier: Apache-2.0
#include "seqrec/data/batches/click_sections.hpp"

#include <algorithm>
#include <vector>

#include "data/small_datasets.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::values_of;
using Values = std::vector<std::int64_t>;

TEST_CASE("clicks of two users, written out", "[data]") {
  const std::vector<item_t> first = {1, 2, 3}, second = {4};
  const std::vector<std::span<const item_t>> histories = {first, second};
  BatchBuilder builder({.num_items = 9, .max_length = 9, .token_budget = 3});  // a user a shard
  builder.begin(histories);
  ClickSections clicks(2, 2);
  clicks.lay_out(builder);
  const auto items = builder.add<item_t>(8);
  builder.allocate();
  for (index_t i = 0; i < 8; ++i) builder.data(items)[i] = static_cast<item_t>(i);
  clicks.fill(builder);

  NextItems<HostSpace> next;
  next.items = {builder.data(items), 3, 2};
  const Clicks<HostSpace> one = clicks.shard(builder, 0, builder.shard(0), next);
  CHECK(values_of(one.candidates.items.values) == Values{0, 1, 2, 3, 4, 5});
  CHECK(values_of(one.candidates.items.offsets) == Values{0, 6});
  CHECK(values_of(one.candidates.visible) == Values{1, 1, 2, 2, 3, 3});
  CHECK(values_of(one.labels) == Values{1, 0, 1, 0, 1, 0});
  CHECK(one.candidates.window == 2);
  CHECK(one.candidates.pairs == 2 * (1 + 2 + 2));
  CHECK(one.candidates.first_candidate == 0);
  next.items = {builder.data(items) + 6, 1, 2};
  const Clicks<HostSpace> two = clicks.shard(builder, 1, builder.shard(1), next);
  CHECK(values_of(two.candidates.items.values) == Values{6, 7});
  CHECK(values_of(two.candidates.visible) == Values{1, 1});
  CHECK(two.candidates.window == 1);
  CHECK(two.candidates.pairs == 2);
  CHECK(two.candidates.first_candidate == 6);
  next.items = {builder.data(items), 4, 2};
  const Clicks<HostSpace> all = clicks.whole(builder, builder.whole(), next);
  CHECK(values_of(all.candidates.items.offsets) == Values{0, 6, 8});
  CHECK(all.candidates.pairs == 12);
}
