// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/features.hpp"
#include "seqrec/data/dataset.hpp"

namespace seqrec {

/// What a data set knows of its users and items, as batches carry it. Views are valid as long as the data set is.
inline Features<HostSpace> known_features(const Dataset& data) {
  return {data.user_features.view(), data.item_features.view(), data.user_features.categories(),
          data.item_features.categories()};
}

}  // namespace seqrec
