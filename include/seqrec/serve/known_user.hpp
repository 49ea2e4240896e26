// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/features.hpp"

namespace seqrec {

/// What is known of the user that a request is about, for models that read features.
struct KnownUser {
  Features<HostSpace> features{};  ///< those that the model was trained with (see data/known_features.hpp)
  user_t profile = -1;             ///< the user's segment of the features of users
};

}  // namespace seqrec
