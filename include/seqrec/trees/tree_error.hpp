// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/errors.hpp"

namespace seqrec {

/// Trees cannot be trained, read or asked: what LightGBM says, or what our own checks found before it could.
struct TreeError : Error {
  using Error::Error;
};

}  // namespace seqrec
