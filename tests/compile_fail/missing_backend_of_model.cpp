// SPDX-License-Identifier: Apache-2.0
// expect: seqrec: this backend has no embed_sequence_forward for this element type; include <seqrec/cpu.hpp> or
#include "seqrec/core/context_base.hpp"
#include "seqrec/models/sasrec.hpp"

using Context = seqrec::ContextBase<float, float, seqrec::HostSpace>;

void run(const seqrec::SasRec<Context>& model, seqrec::Tape<Context>& tape) { model.encode(tape, {}); }
