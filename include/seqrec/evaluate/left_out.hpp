// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/item_set.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/data/splits/split.hpp"
#include "seqrec/evaluate/candidate_lists.hpp"
#include "seqrec/evaluate/seen_items.hpp"

namespace seqrec {

/// Held-out targets that are not ranked, because their users have seen so much that there is nothing to rank them
/// against. They depend on the data and on what is ranked, never on who ranks: all models and baselines leave out the
/// same.
struct LeftOut {
  std::vector<index_t> targets;    ///< places among the held-out, ascending
  std::vector<std::string> users;  ///< whose they are, each once, by original id
  std::string reason;              ///< in words: "all other items seen"

  bool empty() const { return users.empty(); }
  bool contains(index_t target) const { return std::binary_search(targets.begin(), targets.end(), target); }
};

/// Of a full ranking: targets beside which fewer than one item of the data set is left, as their users' histories hold
/// all others. Of candidates: targets for which too few could be drawn.
/// @param candidates  null for a full ranking
SEQREC_FUNCTION LeftOut find_left_out(const HeldOut& held_out, SeenItems seen, const CandidateLists* candidates);

/// "2 users left out, all other items seen: 17, u23"; of more than ten only the first are named. Where users
/// have several targets it counts these too. Empty if nobody was left out.
SEQREC_FUNCTION std::string describe(const LeftOut& left_out);

namespace detail {

/// What is left out of the full ranking of a held-out target; the target itself stays, even if it is among them.
inline std::span<const item_t> exclusions(const HeldOut& held_out, index_t i, SeenItems seen) {
  return seen == SeenItems::left_out ? held_out.history(i) : std::span<const item_t>();
}

}  // namespace detail

#if SEQREC_BODIES

SEQREC_FUNCTION LeftOut find_left_out(const HeldOut& held_out, SeenItems seen, const CandidateLists* candidates) {
  const Dataset& data = *held_out.data;
  LeftOut left_out;
  if (candidates != nullptr) {
    left_out.targets = candidates->left_out;
    left_out.reason = concatenate("too few other items for ", candidates->options.negatives, " negatives");
  } else {
    left_out.reason = "all other items seen";
    ItemSet distinct(data.num_items());
    for (index_t i = 0; i < held_out.size(); ++i) {
      const auto history = held_out.history(i);
      distinct.clear();
      distinct.insert(held_out.targets.data()[i]);
      // Who has few events cannot have seen everything: no need to look.
      if (seen == SeenItems::left_out && std::ssize(history) + 1 >= data.num_items()) distinct.insert(history);
      if (distinct.size() == data.num_items()) left_out.targets.push_back(i);
    }
  }
  index_t last_user = -1;
  for (const index_t i : left_out.targets)
    if (const index_t user = held_out.users.data()[i]; std::exchange(last_user, user) != user)
      left_out.users.emplace_back(data.user_ids[user]);
  return left_out;
}

SEQREC_FUNCTION std::string describe(const LeftOut& left_out) {
  if (left_out.empty()) return "";
  constexpr std::size_t most = 10;
  const std::size_t users = left_out.users.size(), targets = left_out.targets.size();
  std::string text = concatenate(users, users == 1 ? " user" : " users", " left out");
  if (targets > users) text += concatenate(", with ", targets, " targets");
  text += ", " + left_out.reason;
  for (std::size_t i = 0; i < std::min(users, most); ++i) text += (i == 0 ? ": " : ", ") + left_out.users[i];
  return users > most ? text + ", ..." : text;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
