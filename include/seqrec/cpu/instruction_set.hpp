// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Functions whose code follows the processor they are compiled for, and whose parameters do not say so, lie in an
/// inline namespace of this name: objects compiled for different ones must not share them.
#if defined(__CUDACC__)  // whatever the processor: some things nvcc is given in another form
#define SEQREC_INSTRUCTION_SET nvcc
#elif defined(__AVX512BF16__)
#define SEQREC_INSTRUCTION_SET avx512_bf16
#elif defined(__AVX512F__)
#define SEQREC_INSTRUCTION_SET avx512
#elif defined(__AVX2__)
#define SEQREC_INSTRUCTION_SET avx2
#else
#define SEQREC_INSTRUCTION_SET baseline
#endif
