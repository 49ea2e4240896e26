// SPDX-License-Identifier: Apache-2.0
// What a watched build has to say about an access (watch.hpp).
#pragma once

#include <sstream>
#include <string>

#include "emulator/language.hpp"
#include "emulator/watch.hpp"

namespace emulator {

/// "(1,2,3)": what has number `flat` among so many.
inline std::string index_text(std::uint64_t flat, dim3 extents) {
  std::ostringstream text;
  text << "(" << flat % extents.x << "," << flat / extents.x % extents.y << "," << flat / extents.x / extents.y << ")";
  return text.str();
}

/// @param turn  of the block that has found something, after which the thread `whereabouts`
inline std::string finding_text(const watch::Turn& turn, dim3 grid, dim3 block, const std::string& whereabouts) {
  using Kind = watch::Finding::Kind;
  const watch::Finding& it = turn.finding;
  const char* const memory = it.shared ? "shared memory" : "device memory";
  std::ostringstream text;
  text << "thread " << index_text(it.thread, block) << (it.writes ? " writes " : " reads ") << it.bytes << " bytes of "
       << memory;
  if (it.kind == Kind::undefined) text << " that nobody wrote";
  if (it.kind == Kind::outside) text << " that is not allocated";
  if (it.kind == Kind::race) {
    text << " that thread " << index_text(it.other.thread, block);
    if (it.other.block != turn.now.block) text << " of block " << index_text(it.other.block - turn.first_block, grid);
    text << (it.other_wrote ? " wrote" : " read") << ", and nothing orders the two";
  }
  text << ": " << it.offset << " bytes into " << it.allocated << "; then it " << whereabouts;
  return text.str();
}

}  // namespace emulator
