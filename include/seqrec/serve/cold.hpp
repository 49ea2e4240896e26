// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "seqrec/core/errors.hpp"

namespace seqrec::detail {

/// Refuses to answer a request alone whose history says nothing. (Among others it is marked as cold instead.)
/// @param ids  of the history, none of which the model knows
inline void refuse_cold(const char* what, bool cold, std::size_t ids = 0) {
  if (!cold) return;
  const char* const hint =
      "; hint: offer the most popular items (seqrec::Popularity), or what the service offers to everybody";
  if (ids == 0) throw ArgumentError(concatenate(what, ": the history is empty, expected at least one item", hint));
  throw ArgumentError(
      concatenate(what, ": the model knows none of the history's ", ids, " ids, expected at least one", hint));
}

}  // namespace seqrec::detail
