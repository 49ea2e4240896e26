// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/options.hpp"
#include "seqrec/data/dataset.hpp"
#include "seqrec/data/features.hpp"

namespace seqrec {

/// What a session is.
struct SessionOptions {
  index_t gap = 0;

  /// Names, ranges and meanings; see core/options.hpp.
  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("gap", gap, at_least(0),
          "seconds without an event after which a user's next one begins a session; 0: each user is one session, as "
          "with a session column read for users");
  }
};

/// Sessions, as a data set whose users they are.
struct Sessions {
  Dataset data;
  index_t single_events = 0;  ///< sessions of one event, which are left out: nothing in them comes next
};

/// Cuts histories into sessions, and puts them in the order of their first events; those that begin together, and all
/// where there are no times, stay in the order of their users. Where a user may have several, session n of user u is
/// called "u/n", counted from 1. Items keep their numbers; a user's profile comes along with each of the sessions.
///
/// A column of sessions needs no cut: read it for the users (ReadOptions::user_column), with gap 0.
/// @throws ArgumentError for a negative gap
/// @throws DataError     for a gap in data without times, or if no session has two events
SEQREC_FUNCTION Sessions make_sessions(const Dataset& events, const SessionOptions& options = {});

#if SEQREC_BODIES

namespace detail {

/// Events first .. last-1 of a data set.
struct SessionRange {
  index_t user, first, last;
  index_t number;  ///< among the user's sessions, from 1
};

inline std::vector<SessionRange> cut_sessions(const Dataset& events, index_t gap) {
  std::vector<SessionRange> sessions;
  for (index_t user = 0; user < events.num_users(); ++user) {
    const index_t begin = events.offsets.data()[user], end = events.offsets.data()[user + 1];
    index_t first = begin, number = 1;
    for (index_t event = begin + 1; gap > 0 && event < end; ++event) {
      if (events.times.data()[event] - events.times.data()[event - 1] <= gap) continue;
      sessions.push_back({user, first, event, number++});
      first = event;
    }
    if (first < end) sessions.push_back({user, first, end, number});
  }
  return sessions;
}

}  // namespace detail

SEQREC_FUNCTION Sessions make_sessions(const Dataset& events, const SessionOptions& options) {
  check_options("sessions", options);
  if (options.gap > 0 && events.times.empty())
    throw DataError(
        concatenate(events.name, ": sessions gap is ", options.gap, ", expected 0: the events have no times"));
  std::vector<detail::SessionRange> sessions = detail::cut_sessions(events, options.gap);
  const auto kept = std::stable_partition(sessions.begin(), sessions.end(),
                                          [](const auto& session) { return session.last - session.first >= 2; });
  Sessions result{{}, sessions.end() - kept};
  sessions.erase(kept, sessions.end());
  if (sessions.empty())
    throw DataError(concatenate(events.name, ": all ", result.single_events,
                                " sessions have one event, expected some with two: in one event nothing comes next"));
  if (!events.times.empty())
    std::stable_sort(sessions.begin(), sessions.end(), [&](const auto& a, const auto& b) {
      return events.times.data()[a.first] < events.times.data()[b.first];
    });

  Dataset& data = result.data;
  std::vector<std::string> ids;
  std::vector<index_t> users;
  for (const detail::SessionRange& session : sessions) {
    data.items.insert(data.items.end(), events.items.begin() + session.first, events.items.begin() + session.last);
    if (!events.times.empty())
      data.times.insert(data.times.end(), events.times.begin() + session.first, events.times.begin() + session.last);
    if (!events.ratings.empty())
      data.ratings.insert(data.ratings.end(), events.ratings.begin() + session.first,
                          events.ratings.begin() + session.last);
    data.offsets.push_back(std::ssize(data.items));
    ids.emplace_back(events.user_ids[session.user]);
    if (options.gap > 0) ids.back() += "/" + std::to_string(session.number);
    users.push_back(session.user);
  }
  data.name = events.name + "-sessions";
  data.source = concatenate(
      events.source, events.source.empty() ? "" : "; ", "sessions ",
      options.gap > 0 ? concatenate("end with a pause of more than ", options.gap, " s") : std::string("are the users"),
      ", ", result.single_events, " of one event left out");
  data.user_ids = Vocabulary(ids);
  data.item_ids = events.item_ids;
  data.titles = events.titles;
  data.user_features = select_rows(events.user_features, users);
  data.item_features = events.item_features;
  return result;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
