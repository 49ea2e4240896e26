// SPDX-License-Identifier: Apache-2.0
#include "seqrec/evaluate/left_out.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include "data/small_datasets.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

/// Users 10, 11, ... with these histories.
Dataset users_from_ten(const std::vector<std::vector<std::int64_t>>& histories) {
  Interactions rows;
  for (std::size_t user = 0; user < histories.size(); ++user)
    for (const std::int64_t item : histories[user]) {
      rows.users.push_back(static_cast<std::int64_t>(10 + user));
      rows.items.push_back(item);
    }
  return build_dataset("small", rows);
}

}  // namespace

TEST_CASE("who has seen all items but the target is found") {
  // Of items 0 .. 4 user 11 has seen all but the target, 12 all of them, 13 all but one, 14 some of them often.
  const Dataset data =
      users_from_ten({{0, 1, 2}, {0, 1, 2, 3, 4}, {4, 0, 1, 2, 3, 4}, {0, 1, 2, 0, 3}, {0, 1, 1, 1, 0, 1, 0, 1}});
  const Split split = leave_one_out(data);
  const LeftOut left_out = find_left_out(split.test, SeenItems::left_out, nullptr);
  CHECK(left_out.targets == std::vector<index_t>{1, 2});
  CHECK(left_out.users == std::vector<std::string>{"11", "12"});
  CHECK(left_out.contains(2));
  CHECK_FALSE(left_out.contains(3));
  CHECK(describe(left_out) == "2 users left out, all other items seen: 11, 12");
  CHECK(find_left_out(split.validation, SeenItems::left_out, nullptr).users == std::vector<std::string>{"12"});
  CHECK(find_left_out(split.test, SeenItems::ranked, nullptr).empty());
  CHECK(describe(find_left_out(split.test, SeenItems::ranked, nullptr)).empty());
}

TEST_CASE("who has no candidates is found, and a user of several targets is named once") {
  const Dataset data = users_from_ten({{0, 1, 2}, {0, 1, 2, 3, 4}, {3, 2, 1}});
  HeldOut part{"test", std::make_shared<const Dataset>(data), {}, {}, {}};
  part.add(0, 2);
  part.add(1, 3);
  part.add(1, 4);
  part.add(2, 2);
  const CandidateLists lists = draw_candidates(part, {.negatives = 2});
  const LeftOut left_out = find_left_out(part, SeenItems::left_out, &lists);
  CHECK(left_out.targets == std::vector<index_t>{1, 2});
  CHECK(describe(left_out) == "1 user left out, with 2 targets, too few other items for 2 negatives: 11");
}

TEST_CASE("of many users who are left out ten are named") {
  LeftOut left_out{.targets = {}, .users = {}, .reason = "all other items seen"};
  for (index_t i = 0; i < 10; ++i) {
    left_out.targets.push_back(i);
    left_out.users.push_back("u" + std::to_string(i));
  }
  const std::string ten = "all other items seen: u0, u1, u2, u3, u4, u5, u6, u7, u8, u9";
  CHECK(describe(left_out) == "10 users left out, " + ten);
  left_out.targets.push_back(10);
  left_out.users.emplace_back("u10");
  CHECK(describe(left_out) == "11 users left out, " + ten + ", ...");
}
