// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace seqrec_fuzz {

/// Starts to watch how many bytes the program takes from its heap.
void watch_heap();

/// The most bytes that were held at once since then, beyond those held at its start.
std::size_t heap_peak();

}  // namespace seqrec_fuzz
