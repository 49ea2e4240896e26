// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "seqrec/core/features.hpp"

namespace seqrec {

/// What is known of the user that a request is about, for models that read features or times.
struct KnownUser {
  Features<HostSpace> features{};  ///< those that the model was trained with (see data/known_features.hpp)
  user_t profile = -1;             ///< the user's segment of the features of users
  /// Seconds since 1970 of the history's events, one for each, for models that read times.
  std::span<const std::int64_t> times{};
};

}  // namespace seqrec
