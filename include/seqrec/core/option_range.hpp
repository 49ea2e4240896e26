// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <limits>
#include <string>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

/// The values that an option may take.
struct OptionRange {
  double lowest = -std::numeric_limits<double>::infinity();
  double highest = std::numeric_limits<double>::infinity();
  bool lowest_excluded = false, highest_excluded = false;
  std::size_t longest = std::numeric_limits<std::size_t>::max();  ///< of a list
  std::string words{};  ///< the same for messages and help; empty where every value will do, even one that is no number

  bool contains(double value) const {
    return words.empty() || ((lowest_excluded ? value > lowest : value >= lowest) &&
                             (highest_excluded ? value < highest : value <= highest));
  }
};

/// Any value of the option's type.
inline OptionRange any() { return {}; }
/// Without an upper limit.
inline OptionRange at_least(index_t lowest) {
  return {.lowest = static_cast<double>(lowest), .words = concatenate("at least ", lowest)};
}
/// Both ends are in it.
inline OptionRange in_range(index_t lowest, index_t highest) {
  return {.lowest = static_cast<double>(lowest),
          .highest = static_cast<double>(highest),
          .words = concatenate(lowest, " .. ", highest)};
}
/// Widths of layers, each of a list. How many is limited because a file that is read may name as many as it likes.
inline OptionRange widths(index_t lowest, index_t highest) {
  OptionRange range = in_range(lowest, highest);
  range.longest = 64;
  range.words = "at most 64 widths in " + range.words;
  return range;
}
/// A count, up to what a double holds exactly.
inline OptionRange count() { return in_range(0, index_t(1) << 53); }
/// Finite and above 0.
inline OptionRange positive() {
  return {.lowest = 0,
          .highest = std::numeric_limits<double>::max(),
          .lowest_excluded = true,
          .words = "a positive number"};
}
/// Finite and not below 0.
inline OptionRange not_negative() {
  return {.lowest = 0, .highest = std::numeric_limits<double>::max(), .words = "a number of at least 0"};
}
/// Not infinite.
inline OptionRange finite() {
  return {.lowest = std::numeric_limits<double>::lowest(),
          .highest = std::numeric_limits<double>::max(),
          .words = "a finite number"};
}
/// Infinite or not, but no NaN.
inline OptionRange number() { return {.words = "a number"}; }
/// [0, 1), as a dropout.
inline OptionRange probability() {
  return {.lowest = 0, .highest = 1, .highest_excluded = true, .words = "a probability in [0, 1)"};
}
/// [0, 1), as what decays.
inline OptionRange below_one() {
  return {.lowest = 0, .highest = 1, .highest_excluded = true, .words = "a value in [0, 1)"};
}
/// [0, 1], as a part of a whole.
inline OptionRange fraction() { return {.lowest = 0, .highest = 1, .words = "a number from 0 to 1"}; }
/// (0, 1], as what is kept.
inline OptionRange share() {
  return {.lowest = 0, .highest = 1, .lowest_excluded = true, .words = "a number in (0, 1]"};
}

/// What a path is for, in the place of a OptionRange.
struct ReadFile {};
struct WrittenFile {};
inline ReadFile file_to_read() { return {}; }
inline WrittenFile file_to_write() { return {}; }

}  // namespace seqrec
