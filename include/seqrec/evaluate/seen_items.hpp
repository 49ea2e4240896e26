// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

namespace seqrec {

/// What becomes, when a target is ranked, of the other items that its user has had.
///
/// `left_out` suits those who take an item once (films, books): nobody would offer it again. Where people take the same
/// things again and again (groceries, songs, pages) it gives targets away: the seen target stays in the ranking, its
/// seen rivals do not, and a scorer that only knows what was seen is perfect. `ranked` leaves out nothing there.
/// `describe` says of a split which of the two it is (data/splits/repeats.hpp).
enum class SeenItems {
  left_out,  ///< full ranking: without what came before the target; candidates: without all items of the user
  ranked,    ///< the whole catalogue, and candidates from all of it but the target
};
constexpr std::array<const char*, 2> names_of(SeenItems) { return {"left_out", "ranked"}; }

}  // namespace seqrec
