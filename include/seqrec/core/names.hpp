// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/vocabulary.hpp"

namespace seqrec {

/// What the numbers that a model reads stand for: row 7 of its table is an item of this id, category 3 of a user is
/// "age=25-34". The same numbers of another data set may mean something else.
struct Names {
  Vocabulary items;            ///< original ids of items
  Vocabulary user_categories;  ///< of features of users; empty where a model reads none
  Vocabulary item_categories;  ///< of features of items; empty where a model reads none

  bool operator==(const Names&) const = default;
};

}  // namespace seqrec
