// SPDX-License-Identifier: Apache-2.0
// Compiled for any processor, whatever the rest of the program is compiled for, and run before all of it: a processor
// that lacks the program's instructions is told so in a sentence.

#include <cstdio>
#include <cstdlib>

#include "processor.hpp"

namespace benchmarks {

extern const int lanes_of_this_build;  // main.cpp

namespace {

__attribute__((constructor(101))) void check_processor() {
  if (processor_lanes() >= lanes_of_this_build) return;
  std::fprintf(stderr,
               "error: this program was compiled for vectors of %d floats, this processor has %d: build it here "
               "(./benchmarks/run does)\n",
               lanes_of_this_build, processor_lanes());
  std::_Exit(1);
}

}  // namespace
}  // namespace benchmarks
