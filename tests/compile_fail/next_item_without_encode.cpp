// SPDX-License-Identifier: Apache-2.0
// expect: seqrec: NextItem needs a model with encode() and item_head()
// expect: train a model that looks at candidates with a click objective
#include "seqrec/cpu.hpp"
#include "seqrec/objectives/next_item.hpp"

struct ScoresCandidatesOnly {
  using Context = seqrec::cpu::Context;
};

void run(const ScoresCandidatesOnly& model, seqrec::Tape<seqrec::cpu::Context>& tape) {
  seqrec::NextItem{.loss = seqrec::FullSoftmax{}}(model, tape, {});
}
