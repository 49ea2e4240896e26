// SPDX-License-Identifier: Apache-2.0
// expect: seqrec: this backend has no linear_forward for this element type; include <seqrec/cpu.hpp> or
// expect: whichever the model's context belongs to
#include "seqrec/core/context_base.hpp"
#include "seqrec/ops/linear.hpp"

using Context = seqrec::ContextBase<float, float, seqrec::HostSpace>;

void run(Context& context) { seqrec::ops::linear_forward(context, seqrec::LinearForward<Context>{}); }
