// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <iomanip>
#include <ios>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/hash.hpp"
#include "seqrec/core/item_set.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/data/dataset.hpp"

namespace seqrec {

/// Events held out of some users' histories: of each the history before it is given, it is to be ranked high.
/// Leave-one-out holds out one event of a user, other splits may hold out several: metrics are means over events.
///
/// A history may be empty where a HeldOut is made by hand; the splits below make none. It is ranked as any other, by
/// what the model says of somebody of whom nothing is known: a next-item model of this library scores all items alike
/// then (AUC .5), a baseline says what is popular or nothing, DIN what its items and profiles say.
struct HeldOut {
  std::string name;                      ///< "validation" or "test"
  std::shared_ptr<const Dataset> data;   ///< shared with the split
  std::vector<index_t> users;            ///< (B) users of `data`, ascending; one of several events several times
  std::vector<index_t> history_lengths;  ///< (B) leading events that may be seen, ascending within a user
  std::vector<item_t> targets;           ///< (B) the event right after them

  /// Appends the event at this position of the user's history.
  void add(index_t user, index_t position) {
    users.push_back(user);
    history_lengths.push_back(position);
    targets.push_back(data->history(user)[static_cast<std::size_t>(position)]);
  }

  index_t size() const { return std::ssize(users); }

  /// What may be seen before the i-th held-out event.
  std::span<const item_t> history(index_t i) const {
    return whole_history(i).first(static_cast<std::size_t>(history_lengths.data()[i]));
  }
  /// When that happened; empty where the data set has no times.
  std::span<const std::int64_t> times(index_t i) const {
    if (data->times.empty()) return {};
    return {data->times.data() + data->offsets.data()[users.data()[i]],
            static_cast<std::size_t>(history_lengths.data()[i])};
  }
  /// All events of the user of the i-th held-out event, target and later ones included: what a ranking must not offer
  /// as a negative.
  std::span<const item_t> whole_history(index_t i) const { return data->history(users.data()[i]); }
};

/// A data set cut into what is trained on and what is held out. Shares the data set: a copy of a split costs no copy of
/// the data, and whoever has a split, or one of its parts, has the data for as long.
struct Split {
  std::string protocol;  ///< "leave-one-out", ...: which rule cut it
  std::shared_ptr<const Dataset> data;
  std::vector<index_t> train_lengths;  ///< (U) leading events of each user that are trained on
  HeldOut validation;
  HeldOut test;
  index_t train_only_users = 0;  ///< users of whom nothing is held out
  std::string left_out;          ///< what the rule trains on these users only, or drops, and why; in words

  /// The events of a user that are trained on, oldest first.
  std::span<const item_t> train_history(index_t user) const {
    return data->history(user).first(static_cast<std::size_t>(train_lengths.data()[user]));
  }

  index_t num_train_events() const {
    index_t total = 0;
    for (const index_t length : train_lengths) total += length;
    return total;
  }

  /// Tells splits apart: the data's hash and everything that was decided here.
  std::string hash() const;
};

namespace detail {

/// A split of nothing yet.
/// @throws ArgumentError without a data set   @throws DataError if the data set is empty
inline Split begin_split(std::shared_ptr<const Dataset> data, std::string protocol) {
  check_argument(data != nullptr, (protocol + " data").c_str(), "null", "a data set");
  if (data->num_interactions() == 0) throw DataError(data->name + ": the data set is empty, nothing can be held out");
  Split split;
  split.protocol = std::move(protocol);
  split.validation.name = "validation";
  split.test.name = "test";
  split.train_lengths.reserve(static_cast<std::size_t>(data->num_users()));
  split.data = split.validation.data = split.test.data = std::move(data);
  return split;
}

}  // namespace detail

/// The protocol of sequential recommendation (Kang & McAuley 2018): each user's last event is the test target, the one
/// before it the validation target, the rest is trained on. The test history includes the validation item.
/// Users with fewer than three events are trained on only, and counted.
/// @throws ArgumentError without a data set   @throws DataError if the data set is empty or no user has three events
SEQREC_FUNCTION Split leave_one_out(std::shared_ptr<const Dataset> shared);

/// The same of a data set that the split is to own. One with a name is copied: `std::move` it, or share it, to avoid
/// that.
inline Split leave_one_out(Dataset data) { return leave_one_out(std::make_shared<const Dataset>(std::move(data))); }

/// The share of held-out targets that stand in their own history, which their users had had before. 0 of no target.
SEQREC_FUNCTION double share_of_repeats(const HeldOut& held_out);

/// From this share of repeats on, a ranking without seen items is not worth its name: a repeated target competes with
/// unseen items only, so that even one who knows nothing but what was seen gets them all right.
inline constexpr double many_repeats = 0.05;

/// One line that says which split this is, with what was too short for it and how many test targets are repeats; where
/// those are many, a second one that warns of it and says what to do.
SEQREC_FUNCTION std::string describe(const Split& split);

#if SEQREC_BODIES

SEQREC_FUNCTION std::string Split::hash() const {
  Hash hash;
  hash.add(data->hash());
  for (const index_t length : train_lengths) hash.add(length);
  for (const HeldOut* part : {&validation, &test}) {
    hash.add(part->name).add(part->size());
    for (std::size_t i = 0; i < part->users.size(); ++i)
      hash.add(part->users[i]).add(part->history_lengths[i]).add(part->targets[i]);
  }
  return hash.text();
}

SEQREC_FUNCTION Split leave_one_out(std::shared_ptr<const Dataset> shared) {
  Split split = detail::begin_split(std::move(shared), "leave-one-out");
  const Dataset& data = *split.data;
  for (index_t user = 0; user < data.num_users(); ++user) {
    const index_t length = std::ssize(data.history(user));
    const bool train_only = length < 3;
    split.train_lengths.push_back(train_only ? length : length - 2);
    split.train_only_users += train_only;
    if (train_only) continue;
    split.validation.add(user, length - 2);
    split.test.add(user, length - 1);
  }
  if (split.test.size() == 0)
    throw DataError(
        concatenate(data.name, ": none of ", data.num_users(),
                    " users has three events, leave-one-out needs one for each of train, validation, test"));
  split.left_out = concatenate(split.train_only_users, " users with under three events train only");
  return split;
}

SEQREC_FUNCTION double share_of_repeats(const HeldOut& held_out) {
  ItemSet seen(held_out.data->num_items());
  index_t repeats = 0, read = 0, last_user = -1;
  for (index_t i = 0; i < held_out.size(); ++i) {
    const std::span<const item_t> history = held_out.history(i);
    const index_t user = held_out.users.data()[i];
    if (user != last_user || std::ssize(history) < read) {
      seen.clear();
      read = 0;
    }
    seen.insert(history.subspan(static_cast<std::size_t>(read)));  // a user's later event only adds to the former's
    repeats += seen.contains(held_out.targets.data()[i]);
    read = std::ssize(history);
    last_user = user;
  }
  return held_out.size() == 0 ? 0 : static_cast<double>(repeats) / static_cast<double>(held_out.size());
}

SEQREC_FUNCTION std::string describe(const Split& split) {
  const double share = share_of_repeats(split.test);
  const std::string repeats = share == 0 ? "none of which stands in its own history"
                                         : concatenate(std::fixed, std::setprecision(share < 0.001 ? 4 : 1),
                                                       100 * share, " % of which stand in their own history");
  const std::string warning =
      share < many_repeats
          ? ""
          : "\nWARNING: these users take the same items again. A ranking without seen items gives such "
            "targets away: rank all items, with SeenItems::ranked";
  return concatenate(split.protocol, " of ", split.data->name, ": ", split.num_train_events(), " training events of ",
                     split.data->num_users(), " users, ", split.validation.size(), " validation and ",
                     split.test.size(), " test targets, ", repeats, ", ", split.left_out, ", hash ", split.hash(),
                     warning);
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
