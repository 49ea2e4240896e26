// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"

/// The overload that is chosen when no backend offers an op for a context: one sentence instead of pages.
/// A macro, because a function's name cannot be a template parameter; undefined nowhere, used only in ops/.
#define SEQREC_OP_FALLBACK(op)                                                                           \
  namespace fallback {                                                                                   \
  template <class Context, class Arguments>                                                              \
  auto op(Context&, const Arguments&) -> void {                                                          \
    static_assert(always_false<Context>, "seqrec: this backend has no " #op                              \
                                         " for this element type; include <seqrec/cpu.hpp> or "          \
                                         "<seqrec/cuda.cuh>, whichever the model's context belongs to"); \
  }                                                                                                      \
  }
