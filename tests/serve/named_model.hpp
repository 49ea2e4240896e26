// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "seqrec/core/vocabulary.hpp"
#include "support/other_space.hpp"

namespace seqrec_test {

/// An OtherModel of ten items, the first eight of which have ids: "tt0" .. "tt7".
struct NamedModel : OtherModel {
  seqrec::Vocabulary names{std::vector<std::string>{"tt0", "tt1", "tt2", "tt3", "tt4", "tt5", "tt6", "tt7"}};

  const seqrec::Vocabulary& vocabulary() const { return names; }
};

}  // namespace seqrec_test
