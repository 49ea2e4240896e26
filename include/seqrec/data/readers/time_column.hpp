// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/utf8.hpp"
#include "seqrec/data/readers/digits.hpp"
#include "seqrec/data/readers/id_column.hpp"
#include "seqrec/data/readers/iso_date.hpp"

namespace seqrec {

/// In what numbers of times count, from 1970-01-01 UTC on.
enum class TimeUnit { automatic, seconds, milliseconds, microseconds, nanoseconds };
constexpr std::array<const char*, 5> names_of(TimeUnit) {
  return {"automatic", "seconds", "milliseconds", "microseconds", "nanoseconds"};
}

/// A column of times, one an event, or none at all: whole or fractional numbers since 1970, or ISO 8601 dates
/// (parse_iso_date). Numbers count in what the greatest of the column says, for all of it: below 10^11 seconds (until
/// the year 5138), below 10^14 milliseconds, below 10^17 microseconds, else nanoseconds.
class TimeColumn {
 public:
  /// Set where the magnitude misleads, as for times that do not count from 1970. Dates have none.
  TimeUnit unit = TimeUnit::automatic;
  /// What the source calls the column, for people: "column timestamp". Empty where it has no name.
  std::string name{};

  TimeColumn() = default;
  TimeColumn(std::initializer_list<std::int64_t> numbers) {
    for (const std::int64_t number : numbers) push_back(number);
  }
  /// A whole column of numbers or texts.   @throws ArgumentError for what is no time
  template <class Time>
  TimeColumn(const std::vector<Time>& times) {
    reserve(times.size());
    for (const Time& time : times) push_back(time);
  }

  /// @throws ArgumentError for a number above 2^63 - 1, or among dates
  template <IdNumber Number>
  void push_back(Number number) {
    if (!std::in_range<std::int64_t>(number)) refuse(std::to_string(number), "which is too large, expected below 2^63");
    if (dates_) refuse(std::to_string(number), among_dates);
    push(static_cast<std::int64_t>(number), 0);
  }
  /// @throws ArgumentError for what is not finite or out of range
  void push_back(double number) {
    if (const char* problem = push_number(number)) refuse(std::to_string(number), problem);
  }
  /// @throws ArgumentError for a text that is no time
  void push_back(std::string_view text) {
    if (const char* problem = push_text(text)) refuse(quote_bytes(text), problem);
  }
  /// Takes what nearly every time of a file is, a number of up to 18 digits, and nothing else.
  bool push_digits(std::string_view text) {
    const std::int64_t number = detail::few_digits(text);
    if (number < 0 || dates_ || !billionths_.empty()) return false;
    whole_.push_back(number);
    return true;
  }
  /// Takes the text of a file, where a number below 0 is refused: it mostly stands for an unknown time.
  /// @return why it is no time; null where it was taken
  const char* push_text(std::string_view text);

  std::size_t size() const { return whole_.size(); }
  bool empty() const { return whole_.empty(); }
  void reserve(std::size_t rows) { whole_.reserve(rows); }

  /// Times in the unit of the column, which order events.
  std::int64_t whole(std::size_t row) const { return whole_[row]; }
  std::int32_t billionths(std::size_t row) const { return billionths_.empty() ? 0 : billionths_[row]; }

  /// How many units a second has.
  /// @param source  begins error messages
  /// @throws DataError where numbers of two units stand in one column, or calendar dates written as numbers
  std::int64_t units_a_second(const std::string& source) const;

  /// "column timestamp, whole seconds from 1997-09-20 to 1998-04-22".
  std::string description(std::int64_t units_a_second) const;

  static std::int64_t seconds_of(std::int64_t whole, std::int64_t units_a_second) {
    return whole / units_a_second - (whole % units_a_second < 0 ? 1 : 0);
  }

  static constexpr const char* expected =
      "expected a number of seconds, milliseconds, microseconds or nanoseconds since 1970, or an ISO 8601 date such as "
      "1998-04-04 or 1998-04-04T12:30:00Z (pandas: pd.to_datetime(column).dt.strftime('%Y-%m-%dT%H:%M:%SZ'))";

 private:
  static constexpr const char* among_dates = "which is a number, but the times before it are dates, expected one kind";

  [[noreturn]] void refuse(const std::string& value, const char* problem) const {
    throw ArgumentError(concatenate("time ", size(), ", ", value, ", ", problem));
  }
  void push(std::int64_t whole, std::int32_t billionths) {
    if (billionths != 0 && billionths_.empty()) billionths_.assign(whole_.size(), 0);
    if (billionths != 0 || !billionths_.empty()) billionths_.push_back(billionths);
    whole_.push_back(whole);
  }
  /// The first and the last time.
  std::pair<std::int64_t, std::int64_t> range() const {
    std::int64_t first = whole_[0], last = whole_[0];
    for (const std::int64_t time : whole_) {
      first = std::min(first, time);
      last = std::max(last, time);
    }
    return {first, last};
  }
  const char* push_number(double number) {
    if (dates_) return among_dates;
    if (!(std::abs(number) < 0x1p63)) return "which is out of range, expected a finite number below 2^63";
    const double whole = std::floor(number);
    const auto billionths = static_cast<std::int32_t>(std::min((number - whole) * 1e9, 999'999'999.0));
    push(static_cast<std::int64_t>(whole), billionths);
    return nullptr;
  }

  std::vector<std::int64_t> whole_;       ///< (E) rounded down
  std::vector<std::int32_t> billionths_;  ///< (E) of a unit on top; or no element at all
  bool dates_ = false;
};

#if SEQREC_BODIES

SEQREC_FUNCTION const char* TimeColumn::push_text(std::string_view text) {
  if (const auto date = parse_iso_date(text)) {
    if (!dates_ && !empty()) return "which is a date, but the times before it are numbers, expected one kind";
    dates_ = true;
    push(date->seconds, date->billionths);
    return nullptr;
  }
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  if (text.starts_with('-') && text.size() > 1 && text[1] >= '0' && text[1] <= '9')
    return "which is below 0, expected a number since 1970, or a date";
  if (text.empty() || text[0] < '0' || text[0] > '9') return expected;
  if (dates_) return among_dates;
  std::int64_t whole = 0;
  const auto [stop, error] = std::from_chars(begin, end, whole);
  if (error == std::errc{} && stop == end) {
    push(whole, 0);
    return nullptr;
  }
  detail::DateCursor fraction{std::string_view(stop, static_cast<std::size_t>(end - stop))};
  if (error == std::errc{} && fraction.skip('.')) {
    const std::int32_t billionths = fraction.billionths();
    if (billionths >= 0 && fraction.rest.empty()) {
      push(whole, billionths);
      return nullptr;
    }
  }
  double number = 0;
  const auto [number_stop, number_error] = std::from_chars(begin, end, number);  // "8.8e8"
  return number_error == std::errc{} && number_stop == end ? push_number(number) : expected;
}

SEQREC_FUNCTION std::int64_t TimeColumn::units_a_second(const std::string& source) const {
  constexpr std::array<std::int64_t, 4> of_unit = {1, 1000, 1'000'000, 1'000'000'000};
  if (dates_ || empty()) return 1;
  if (unit != TimeUnit::automatic) return of_unit[static_cast<std::size_t>(unit) - 1];
  const auto size_of = [](std::int64_t time) {
    return time < 0 ? ~static_cast<std::uint64_t>(time) + 1 : static_cast<std::uint64_t>(time);
  };
  // A number that spells a day, or a day and a time of day: 20210131, 20210131235959.
  const auto is_calendar = [](std::int64_t time) {
    const std::int64_t day = time > 99'999'999 ? time / 1'000'000 : time;
    return day >= 1900'00'00 && day < 2200'00'00 &&
           detail::is_day(static_cast<int>(day / 10'000), static_cast<int>(day / 100 % 100),
                          static_cast<int>(day % 100));
  };
  const auto [first, last] = range();
  if (is_calendar(first) && is_calendar(last) && std::all_of(whole_.begin(), whole_.end(), is_calendar))
    throw DataError(concatenate(source, ": times such as ", whole_[0],
                                " look like dates and not like numbers since 1970; ", expected,
                                ", or the option time_unit where they are numbers"));
  const std::uint64_t greatest = std::max(size_of(first), size_of(last));
  std::size_t chosen = 0;
  std::uint64_t least = 0;  // of the unit; what is below would be a time before March 1973, or is of a larger unit
  for (std::uint64_t limit = 100'000'000'000; chosen < 3 && greatest >= limit; limit *= 1000, ++chosen) least = limit;
  for (std::size_t row = 0; chosen > 0 && row < size(); ++row)
    if (const std::uint64_t time = size_of(whole_[row]); time != 0 && time < least)
      throw DataError(concatenate(source, ": the time of event ", row + 1, " is ", whole_[row],
                                  ", but others are up to ", greatest, ", which would be ", names_of(unit)[chosen + 1],
                                  "; expected one unit, or the option time_unit"));
  return of_unit[chosen];
}

SEQREC_FUNCTION std::string TimeColumn::description(std::int64_t units_a_second) const {
  if (empty()) return "none";
  std::string text = name.empty() ? std::string() : name + ", ";
  const auto [first, last] = range();
  if (dates_) {
    text += "dates";
  } else {
    std::size_t chosen = 1;
    for (std::int64_t units = units_a_second; units > 1; units /= 1000) ++chosen;
    text += concatenate(billionths_.empty() ? "whole " : "fractional ", names_of(unit)[chosen]);
  }
  const std::string from = day_text(seconds_of(first, units_a_second)), to = day_text(seconds_of(last, units_a_second));
  if (!from.empty() && !to.empty()) text += concatenate(" from ", from, " to ", to);
  return text;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
