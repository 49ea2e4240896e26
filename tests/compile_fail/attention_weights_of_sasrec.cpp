// SPDX-License-Identifier: Apache-2.0
// expect: seqrec: attention_weights needs a model with explain(tape, batch, candidates), such as Din
#include "seqrec/cpu.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/serve/attention_weights.hpp"

void run(const seqrec::SasRec<seqrec::cpu::Context>& model, seqrec::cpu::Context& context) {
  seqrec::attention_weights(model, context, {}, 0);
}
