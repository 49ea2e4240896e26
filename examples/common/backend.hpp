// SPDX-License-Identifier: Apache-2.0
// Which backend a program's models belong to: that of the compiler. The same source is a program for the CPU, and,
// compiled by nvcc (./examples/run --gpu NAME), one for a GPU.
#pragma once

#ifdef __CUDACC__
#include "seqrec/cuda.cuh"
#else
#include "seqrec/cpu.hpp"
#endif

namespace examples {

#ifdef __CUDACC__
using Context = seqrec::cuda::Context;
#else
using Context = seqrec::cpu::Context;
#endif

}  // namespace examples
