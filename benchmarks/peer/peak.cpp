// SPDX-License-Identifier: Apache-2.0
#include <cstdint>

#include "c_functions.hpp"

#ifdef SEQREC_PEER_CUDA
#include "../gpu/device_peaks.cuh"

/// Multiply-adds in registers by the whole device: what no step in float can exceed. FLOP/s.
SEQREC_PEER_EXPORT double seqrec_peer_peak_flops(std::int32_t) {
  seqrec::cuda::Context context;
  return benchmarks::measure_device_flops(context);
}
#else
#include "../peak.hpp"

/// Multiply-adds in registers on `threads` threads at once: what no step can exceed. FLOP/s.
SEQREC_PEER_EXPORT double seqrec_peer_peak_flops(std::int32_t threads) { return benchmarks::measure_peak(threads); }
#endif
