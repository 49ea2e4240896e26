// SPDX-License-Identifier: Apache-2.0
#include "seqrec/hybrid/fold.hpp"

#include <memory>
#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;

namespace {

/// Users with these numbers of training events; each has two more that are held out.
Split split_of(const std::vector<index_t>& lengths) {
  Dataset data;
  data.name = "toy";
  std::vector<std::string> users, items;
  for (const index_t length : lengths) {
    users.push_back("u" + std::to_string(users.size()));
    for (item_t item = 0; item < static_cast<item_t>(length + 2); ++item) data.items.push_back(item);
    data.offsets.push_back(std::ssize(data.items));
  }
  for (int item = 0; item < 40; ++item) items.push_back("i" + std::to_string(item));
  data.user_ids = Vocabulary(users);
  data.item_ids = Vocabulary(items);
  return leave_one_out(std::move(data));
}

/// Positions of a user's held-out events.
std::vector<index_t> positions(const HeldOut& held_out, index_t user) {
  std::vector<index_t> found;
  for (index_t i = 0; i < held_out.size(); ++i)
    if (held_out.users[static_cast<std::size_t>(i)] == user)
      found.push_back(held_out.history_lengths[static_cast<std::size_t>(i)]);
  return found;
}

}  // namespace

TEST_CASE("a fold cuts each user's training events into three") {
  const Split split = split_of({30, 9, 4, 3, 1});
  HybridOptions options;
  const Fold fold = make_fold(split, options);
  CHECK(fold.model.train_lengths == std::vector<index_t>{18, 4, 1, 3, 1});
  CHECK(fold.counts.train_lengths == std::vector<index_t>{20, 6, 3, 3, 1});
  CHECK(positions(fold.model.validation, 0) == std::vector<index_t>{18, 19});
  CHECK(positions(fold.model.test, 0) == std::vector<index_t>{20, 21, 22, 23, 24, 25, 26, 27, 28, 29});
  CHECK(positions(fold.model.validation, 1) == std::vector<index_t>{4, 5});
  CHECK(positions(fold.model.test, 1) == std::vector<index_t>{6, 7, 8});
  CHECK(positions(fold.model.test, 2) == std::vector<index_t>{3});
  CHECK(positions(fold.model.test, 3).empty());
  CHECK(positions(fold.model.validation, 3).empty());
  CHECK(fold.counts.test.size() == fold.model.test.size());
  CHECK(fold.model.train_only_users == 2);
  CHECK(fold.model.data == split.data);
}

TEST_CASE("nothing of a split's validation and test is in its fold") {
  const Split split = split_of({30, 9, 4, 12});
  HybridOptions options;
  options.held_out = GENERATE(1, 3, 10);
  options.fold_validation = GENERATE(1, 2, 4);
  const Fold fold = make_fold(split, options);
  for (const Split* part : {&fold.model, &fold.counts})
    for (const HeldOut* held_out : {&part->validation, &part->test})
      for (index_t i = 0; i < held_out->size(); ++i) {
        const auto user = static_cast<std::size_t>(held_out->users[static_cast<std::size_t>(i)]);
        CHECK(held_out->history_lengths[static_cast<std::size_t>(i)] < split.train_lengths[user]);
        CHECK(held_out->history_lengths[static_cast<std::size_t>(i)] >= part->train_lengths[user]);
        CHECK(part->train_lengths[user] >= 1);
      }
  for (index_t user = 0; user < 4; ++user) CHECK(std::ssize(positions(fold.model.test, user)) <= options.held_out);
}

TEST_CASE("an empty fold and options out of range are refused") {
  CHECK_THROWS_WITH(make_fold(split_of({3, 2, 1}), {}),
                    ContainsSubstring("none of 3 users has 4 training events, expected some for trees to learn from"));
  HybridOptions options;
  options.held_out = 0;
  CHECK_THROWS_WITH(make_fold(split_of({9}), options), ContainsSubstring("hybrid held_out is 0, expected 1 .. 100000"));
}
