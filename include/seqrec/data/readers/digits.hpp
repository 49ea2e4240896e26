// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace seqrec::detail {

/// The value of 1 .. 18 digits, which cannot overflow; -1 for anything else. Nearly every number of a file is one.
constexpr std::int64_t few_digits(std::string_view field) {
  if (field.empty() || field.size() > 18) return -1;
  std::int64_t value = 0;
  for (const char byte : field) {
    if (byte < '0' || byte > '9') return -1;
    value = 10 * value + (byte - '0');
  }
  return value;
}

}  // namespace seqrec::detail
