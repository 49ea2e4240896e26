// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace seqrec {

/// How a team of contexts shares one step.
struct TeamOptions {
  int threads = 0;  ///< workers; 0 is one for each core. Results do not depend on it.
  int slots = 8;    ///< contexts over which shards are dealt. Results depend on it (to rounding): saved with a run.
};

}  // namespace seqrec
