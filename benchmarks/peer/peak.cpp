// SPDX-License-Identifier: Apache-2.0
#include "../peak.hpp"

#include <cstdint>

#include "c_functions.hpp"

/// Multiply-adds in registers on `threads` threads at once: what no step can exceed. FLOP/s.
SEQREC_PEER_EXPORT double seqrec_peer_peak_flops(std::int32_t threads) { return benchmarks::measure_peak(threads); }
