// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "seqrec/core/types.hpp"

namespace seqrec {

/// Calls visit(part, from, size) for what elements first .. first+count-1 hold of each part, if several arrays lie end
/// to end.
/// @param size_of  elements of a part
template <class Parts, class SizeOf, class Visit>
void for_parts_within(index_t first, index_t count, const Parts& parts, SizeOf&& size_of, Visit&& visit) {
  index_t begin = 0;
  for (const auto& part : parts) {
    const index_t size = size_of(part);
    const index_t from = std::max(first, begin), to = std::min(first + count, begin + size);
    if (from < to) visit(part, from - begin, to - from);
    begin += size;
  }
}

/// The elements of several arrays.
template <class Parts, class SizeOf>
index_t size_of_parts(const Parts& parts, SizeOf&& size_of) {
  index_t total = 0;
  for (const auto& part : parts) total += size_of(part);
  return total;
}

/// Shares several arrays among a team's ranges as if they lay end to end: many small ones cost one round of the
/// threads.
///
/// Calls work(context, part, first, count) for elements first .. first+count-1 of a part; together these cover all.
/// @param for_ranges  as a team's   @param size_of  elements of a part
template <class ForRanges, class Parts, class SizeOf, class Work>
void for_parts(ForRanges&& for_ranges, const Parts& parts, SizeOf&& size_of, Work&& work) {
  for_ranges(size_of_parts(parts, size_of), [&](auto& context, index_t first, index_t count) {
    for_parts_within(first, count, parts, size_of,
                     [&](const auto& part, index_t from, index_t size) { work(context, part, from, size); });
  });
}

/// Which rows of `width` elements begin among elements first .. first+count-1.
struct RowsWithin {
  index_t first, count;

  RowsWithin(index_t element, index_t elements, index_t width)
      : first((element + width - 1) / width), count((element + elements + width - 1) / width - first) {}
};

}  // namespace seqrec
