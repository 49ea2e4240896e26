// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/options.hpp"
#include "seqrec/data/dataset.hpp"
#include "seqrec/data/k_core.hpp"
#include "seqrec/data/splits/split.hpp"

namespace seqrec {

/// Which sessions are held out: the last ones.
struct SessionSplitOptions {
  double validation_share = 0.1;
  double test_share = 0.1;
  double validation_days = 0;
  double test_days = 0;

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("validation_share", validation_share, share(), "of the sessions, those before the test's");
    visit("test_share", test_share, share(), "of the sessions, the last ones");
    const OptionRange days{.lowest = 0, .highest = 1e6, .words = "a number from 0 to 1000000"};
    visit("validation_days", validation_days, days, "the same by time, instead of shares: days of 24 hours");
    visit("test_days", test_days, days, "the last so many days, instead of shares; 0 goes by shares");
  }

  /// @throws ArgumentError when an option is out of range, or two do not fit together
  void check() const {
    check_options("session_split", *this);
    check_argument(test_days > 0 || validation_days == 0, "session_split validation_days", validation_days,
                   "0 without test_days");
    check_argument(test_days == 0 || validation_days > 0, "session_split validation_days", validation_days,
                   "above 0 with test_days");
    check_argument(test_days > 0 || validation_share + test_share < 1, "session_split validation_share",
                   validation_share, "less than 1 together with test_share");
  }
};

/// Holds out the last sessions whole (Hidasi et al. 2016, section 4): each belongs to where its last event lies, so
/// that training knows nothing later. Of a held-out session every event but the first is a target, after those before
/// it. Sessions are the users of the data set (make_sessions); where it has no times, their order counts.
///
/// The catalogue is what is trained on: events of other items are dropped from validation and test, and sessions that
/// are left with one event, or had only one; both are counted in `left_out`. So items and sessions are numbered anew,
/// in their order: the split's data set is another one than was given.
///
/// Judge it with every item ranked, seen or not (SeenItems::ranked): people come back to what they have seen in a
/// session. Recall@20 and MRR@20 are then those of the literature, but for ties (docs/protocol.md).
/// @throws ArgumentError for an option out of range
/// @throws DataError     for days in data without times, or if training, validation or test would be empty
SEQREC_FUNCTION Split session_split(const Dataset& sessions, const SessionSplitOptions& options = {});

#if SEQREC_BODIES

namespace detail {

/// Which part of a split a session belongs to.
enum class SessionPart { training, validation, test };

inline std::vector<SessionPart> parts_of_sessions(const Dataset& sessions, const SessionSplitOptions& options) {
  constexpr double day = 24 * 60 * 60;
  const index_t count = sessions.num_users();
  std::vector<std::int64_t> ends;
  for (index_t session = 0; session < count; ++session) {
    const index_t end = sessions.offsets.data()[session + 1];
    const bool empty = end == sessions.offsets.data()[session];
    ends.push_back(sessions.times.empty() || empty ? session : sessions.times.data()[end - 1]);
  }
  std::vector<std::int64_t> sorted = ends;
  std::sort(sorted.begin(), sorted.end());
  const auto cut = [&](double share_held_out, double days) {  // the first end that is held out
    if (days > 0) return sorted.back() - static_cast<std::int64_t>(days * day) + 1;
    const auto place = static_cast<index_t>(std::llround((1 - share_held_out) * static_cast<double>(count)));
    return place < count ? sorted.data()[place] : std::numeric_limits<std::int64_t>::max();
  };
  const std::int64_t validation = cut(options.validation_share + options.test_share,
                                      options.test_days > 0 ? options.validation_days + options.test_days : 0),
                     test = cut(options.test_share, options.test_days);
  std::vector<SessionPart> parts;
  for (const std::int64_t end : ends)
    parts.push_back(end >= test         ? SessionPart::test
                    : end >= validation ? SessionPart::validation
                                        : SessionPart::training);
  return parts;
}

}  // namespace detail

SEQREC_FUNCTION Split session_split(const Dataset& sessions, const SessionSplitOptions& options) {
  using detail::SessionPart;
  options.check();
  if (sessions.num_interactions() == 0)
    throw DataError(sessions.name + ": the data set is empty, nothing can be held out");
  if (options.test_days > 0 && sessions.times.empty())
    throw DataError(concatenate(sessions.name, ": session_split test_days is ", options.test_days,
                                ", expected 0: the events have no times"));
  const std::vector<SessionPart> parts = detail::parts_of_sessions(sessions, options);
  const auto count = parts.size();
  std::vector<bool> dropped(count), unknown(static_cast<std::size_t>(sessions.num_items()), true);
  for (std::size_t session = 0; session < count; ++session) {
    const auto history = sessions.history(static_cast<index_t>(session));
    dropped[session] = history.size() < 2;
    if (dropped[session] || parts[session] != SessionPart::training) continue;
    for (const item_t item : history) unknown[static_cast<std::size_t>(item)] = false;
  }
  index_t unknown_events = 0;
  for (std::size_t session = 0; session < count; ++session) {
    if (dropped[session]) continue;
    const auto history = sessions.history(static_cast<index_t>(session));
    const auto lost = std::count_if(history.begin(), history.end(),
                                    [&](item_t item) { return unknown[static_cast<std::size_t>(item)]; });
    unknown_events += lost;
    dropped[session] = std::ssize(history) - lost < 2;
  }
  std::vector<SessionPart> kept;
  for (std::size_t session = 0; session < count; ++session)
    if (!dropped[session]) kept.push_back(parts[session]);
  const auto check_any = [&](SessionPart part, const char* name) {
    if (std::count(kept.begin(), kept.end(), part) == 0)
      throw DataError(concatenate(sessions.name, ": no session with two known events is left for ", name, " of ", count,
                                  " sessions; hint: other shares or days"));
  };
  check_any(SessionPart::training, "training");
  check_any(SessionPart::validation, "validation");
  check_any(SessionPart::test, "test");

  Split split = detail::begin_split(
      std::make_shared<const Dataset>(detail::without(sessions, sessions.name, dropped, unknown)), "session split");
  for (index_t session = 0; session < split.data->num_users(); ++session) {
    const SessionPart part = kept.data()[session];
    const index_t length = std::ssize(split.data->history(session));
    split.train_lengths.push_back(part == SessionPart::training ? length : 0);
    split.train_only_users += part == SessionPart::training;
    for (index_t position = 1; part != SessionPart::training && position < length; ++position)
      (part == SessionPart::test ? split.test : split.validation).add(session, position);
  }
  split.left_out = concatenate(unknown_events, " events of items that training does not have and ", count - kept.size(),
                               " sessions left with under two events dropped");
  return split;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
