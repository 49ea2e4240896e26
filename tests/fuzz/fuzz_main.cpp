// SPDX-License-Identifier: Apache-2.0
// Beside libFuzzer's own main: writes the seeds that a target makes, and says at the end how much heap an input took.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "fuzz/support.hpp"

std::vector<std::string> made_seeds();

/// With SEQREC_FUZZ_MADE=FOLDER in the environment: writes them there and ends.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  if (const char* const folder = std::getenv("SEQREC_FUZZ_MADE")) {
    int number = 0;
    for (const std::string& seed : made_seeds())
      std::ofstream(std::string(folder) + "/made_" + std::to_string(number++), std::ios::binary) << seed;
    std::exit(0);
  }
  std::atexit([] {
    std::fprintf(stderr, "most heap: %zu bytes for an input of %zu\n", seqrec_fuzz::most_heap().bytes,
                 seqrec_fuzz::most_heap().input);
  });
  return 0;
}
