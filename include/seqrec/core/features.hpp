// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/jagged.hpp"

namespace seqrec {

/// What is known of users and items beside who met whom: for each user of the data set and each item of the catalogue a
/// few category numbers (gender, age group, genres, ...), each kind counted by its own.
template <class Space>
struct Features {
  Jagged<const category_t, Space> of_users;  ///< (U) segments of categories; null where there are none
  Jagged<const category_t, Space> of_items;  ///< (V) segments of categories; null where there are none
  index_t user_categories = 0;               ///< every category of a user is below
  index_t item_categories = 0;               ///< every category of an item is below
};

}  // namespace seqrec
