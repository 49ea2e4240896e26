// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

namespace seqrec {

/// Which vectors a model scores items with.
enum class OutputTable {
  tied,      ///< those that embed the items of a history
  separate,  ///< a table of their own
};

/// Names of the values, for option texts.
constexpr std::array<const char*, 2> names_of(OutputTable) { return {"tied", "separate"}; }

}  // namespace seqrec
