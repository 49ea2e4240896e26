// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "seqrec/data/readers/digits.hpp"

namespace seqrec {

/// A point in time.
struct Instant {
  std::int64_t seconds = 0;     ///< since 1970-01-01 UTC, rounded down
  std::int32_t billionths = 0;  ///< of a second on top, 0 .. 999999999
};

namespace detail {

/// Takes digits and marks off the front of a text.
struct DateCursor {
  std::string_view rest;

  bool skip(char mark) {
    if (!rest.starts_with(mark)) return false;
    rest.remove_prefix(1);
    return true;
  }
  /// A number of exactly `digits` digits; -1 where there is none.
  int number(std::size_t digits) {
    const auto value = static_cast<int>(few_digits(rest.substr(0, digits)));
    if (rest.size() < digits || value < 0) return -1;
    rest.remove_prefix(digits);
    return value;
  }
  /// A fraction's digits in billionths; what is finer is cut off. -1 where there is none.
  std::int32_t billionths() {
    std::int32_t value = 0, digits = 0;
    for (; !rest.empty() && rest[0] >= '0' && rest[0] <= '9'; rest.remove_prefix(1))
      if (digits < 9) value = 10 * value + (rest[0] - '0'), ++digits;
    if (digits == 0) return -1;
    for (; digits < 9; ++digits) value *= 10;
    return value;
  }
};

/// Whether there is such a day.
inline bool is_day(int year, int month, int day) {
  return year >= 0 && month >= 0 && day >= 0 &&
         std::chrono::year_month_day(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                     std::chrono::day(static_cast<unsigned>(day)))
             .ok();
}

}  // namespace detail

/// An ISO 8601 date, alone or with a time of day: "1998-04-04", "1998-04-04T12:30Z", "1998-04-04 12:30:00.25+02:00".
/// 'T' or a space between; seconds and a fraction of them ('.' or ',') may follow; then "Z", " UTC" or an offset, after
/// a space or not. Without an offset the time is taken for UTC, whose clock also pandas writes. None for other text.
inline std::optional<Instant> parse_iso_date(std::string_view text) {
  detail::DateCursor at{text};
  const int year = at.number(4);
  if (!at.skip('-')) return {};
  const int month = at.number(2);
  if (!at.skip('-')) return {};
  const int day = at.number(2);
  if (!detail::is_day(year, month, day)) return {};
  const std::chrono::sys_days days = std::chrono::year(year) / month / day;
  Instant instant{std::int64_t{days.time_since_epoch().count()} * 86400, 0};
  if (at.rest.empty()) return instant;

  if (!at.skip('T') && !at.skip('t') && !at.skip(' ')) return {};
  const int hour = at.number(2);
  if (!at.skip(':')) return {};
  const int minute = at.number(2);
  int second = 0;
  if (at.skip(':')) {
    second = at.number(2);
    if (at.skip('.') || at.skip(',')) instant.billionths = at.billionths();
  }
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 || instant.billionths < 0)
    return {};
  instant.seconds += 3600 * hour + 60 * minute + second;

  if (at.rest.empty()) return instant;
  at.skip(' ');
  if (at.rest.empty()) return {};
  if (at.rest == "Z" || at.rest == "z" || at.rest == "UTC") return instant;
  const bool west = at.rest[0] == '-';
  if (!at.skip('+') && !at.skip('-')) return {};
  const int hours = at.number(2);
  at.skip(':');
  const int minutes = at.rest.empty() ? 0 : at.number(2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || !at.rest.empty()) return {};
  instant.seconds -= (west ? -1 : 1) * (3600 * hours + 60 * minutes);
  return instant;
}

/// "1998-04-04": the day of a second since 1970; empty outside of the years 0 to 9999.
inline std::string day_text(std::int64_t seconds) {
  if (seconds < -62167219200 || seconds >= 253402300800) return {};
  const std::chrono::sys_days day =
      std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(std::chrono::seconds(seconds)));
  const std::chrono::year_month_day date(day);
  const auto digits = [](unsigned value, std::size_t width) {
    const std::string text = std::to_string(value);
    return std::string(width - std::min(width, text.size()), '0') + text;
  };
  return digits(static_cast<unsigned>(static_cast<int>(date.year())), 4) + "-" +
         digits(static_cast<unsigned>(date.month()), 2) + "-" + digits(static_cast<unsigned>(date.day()), 2);
}

}  // namespace seqrec
