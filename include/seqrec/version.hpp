// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The version of the library; CMakeLists.txt reads it from here.
#define SEQREC_VERSION_MAJOR 0
#define SEQREC_VERSION_MINOR 1
#define SEQREC_VERSION_PATCH 0

namespace seqrec {

/// The version as text, as written into checkpoints and result files.
inline constexpr const char* version = "0.1.0";

}  // namespace seqrec
