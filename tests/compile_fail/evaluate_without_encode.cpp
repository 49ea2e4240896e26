// SPDX-License-Identifier: Apache-2.0
// expect: seqrec: evaluate needs a model with encode() and item_head()
#include "seqrec/cpu.hpp"
#include "seqrec/evaluate/evaluate.hpp"

struct ScoresCandidatesOnly {
  using Context = seqrec::cpu::Context;
  seqrec::index_t num_items() const;
};

void run(const ScoresCandidatesOnly& model, const seqrec::HeldOut& held_out) { seqrec::evaluate(model, held_out); }
