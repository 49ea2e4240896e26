// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "seqrec/core/types.hpp"

namespace seqrec {

/// Shares several arrays among a team's ranges as if they lay end to end: many small ones cost one round of the
/// threads.
///
/// Calls work(context, part, first, count) for elements first .. first+count-1 of a part; together these cover all.
/// @param for_ranges  as a team's   @param size_of  elements of a part
template <class ForRanges, class Parts, class SizeOf, class Work>
void for_parts(ForRanges&& for_ranges, const Parts& parts, SizeOf&& size_of, Work&& work) {
  index_t total = 0;
  for (const auto& part : parts) total += size_of(part);
  for_ranges(total, [&](auto& context, index_t first, index_t count) {
    index_t begin = 0;
    for (const auto& part : parts) {
      const index_t size = size_of(part);
      const index_t from = std::max(first, begin), to = std::min(first + count, begin + size);
      if (from < to) work(context, part, from - begin, to - from);
      begin += size;
    }
  });
}

/// Which rows of `width` elements begin among elements first .. first+count-1.
struct RowsWithin {
  index_t first, count;

  RowsWithin(index_t element, index_t elements, index_t width)
      : first((element + width - 1) / width), count((element + elements + width - 1) / width - first) {}
};

}  // namespace seqrec
