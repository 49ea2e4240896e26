// SPDX-License-Identifier: Apache-2.0
// CUDA without a GPU: kernels, runtime and cuBLAS calls of seqrec/cuda run on the CPU and are checked while they do.
// Define SEQREC_CUDA_EMULATOR as "emulator/emulator.hpp", with quotes.
//
// Each CUDA thread is a fiber that is left only where the hardware would have to wait (block.hpp says in what order).
// What this finds: wrong results at any shape; races, as bits that depend on the schedule's seed; barriers and warp
// operations that not all threads reach, as an exception that names kernel, block and thread; shared or device memory
// read before it is written (it holds 0xCD); host pointers where device pointers belong; with -fsanitize=address
// also any access out of bounds. A watched build (watch.hpp, preset `watched`) names kernel, block and thread that read
// what nobody wrote, use memory that was not asked for, or race with another thread for a missing barrier.
//
// It is stricter than recent hardware: a thread that has left the kernel may not be missed at a barrier, nor in the
// mask of a warp operation. It cannot tell speed, occupancy, reliance on lock-step inside a warp beyond what the order
// of lanes shows; and a kernel that spins until another thread writes never ends.
//
// Address and thread sanitizer are told of every change of stack (fiber.hpp). To the thread sanitizer the threads of
// one block are ordered by their schedule: it checks blocks on several CPU threads against each other, for which the
// preset `tsan` sets SEQREC_EMULATOR_THREADS. Elsewhere one is best: two tests run at once, and share the processors.
#pragma once

#include "emulator/async_copy.hpp"
#include "emulator/blas.hpp"
#include "emulator/block.hpp"
#include "emulator/device_functions.hpp"
#include "emulator/graph.hpp"
#include "emulator/language.hpp"
#include "emulator/launch.hpp"
#include "emulator/runtime.hpp"
#include "emulator/tensor_core.hpp"
