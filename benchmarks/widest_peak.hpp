// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace benchmarks {

/// Multiply-adds in registers of one thread, with the widest vectors that the processor has.
/// @return FLOP/s; 0 where there is nothing to choose from
double widest_peak();

}  // namespace benchmarks
