// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "seqrec/core/types.hpp"
#include "seqrec/cuda/launch_list.cuh"

namespace seqrec::cuda {

template <class Word>
__global__ void clear_words_kernel(Word* words, index_t count) {
  const index_t step = static_cast<index_t>(gridDim.x) * blockDim.x;
  for (index_t i = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += step) words[i] = 0;
}

/// Clears memory of whole words by a launch that is gathered with others, where the runtime's memset would part them.
inline void clear_words(LaunchList& launches, void* memory, std::size_t bytes) {
  constexpr index_t threads = 256, most_blocks = 4096;
  const auto count = static_cast<index_t>(bytes / sizeof(std::uint32_t));
  const index_t blocks = std::min(most_blocks, (count + threads - 1) / threads);
  launches.add<clear_words_kernel<std::uint32_t>>(static_cast<unsigned>(blocks), static_cast<unsigned>(threads), 0,
                                                  static_cast<std::uint32_t*>(memory), count);
}

}  // namespace seqrec::cuda
