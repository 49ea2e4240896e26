// SPDX-License-Identifier: Apache-2.0
/// How seqrec::compiled compiles once what is heavy and not a kernel. A header that takes part declares a function as
/// SEQREC_FUNCTION, and defines it at its end between #if SEQREC_BODIES and #endif:
///
///     header-only (the default)   an inline function
///     with SEQREC_COMPILED        the body is not read: it is in the library
///     the library itself          an ordinary function (one generated file defines SEQREC_COMPILING beside it)
///
/// What only such functions call needs none of this, because the compiler drops what nobody calls. A template takes
/// part where it stands outside of its class; below the bodies come those of its instantiations that the library holds:
///
///     #ifdef SEQREC_COMPILED
///     SEQREC_TEMPLATE class TrainingRun<float>;
///     #endif
#pragma once

#ifdef SEQREC_COMPILED
#define SEQREC_FUNCTION
#else
#define SEQREC_FUNCTION inline
#endif

#if defined(SEQREC_COMPILED) && !defined(SEQREC_COMPILING)
#define SEQREC_BODIES 0
#define SEQREC_TEMPLATE extern template
#else
#define SEQREC_BODIES 1
#define SEQREC_TEMPLATE template
#endif
