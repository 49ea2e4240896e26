// SPDX-License-Identifier: Apache-2.0
// expect: seqrec: a model to be trained can rank, because validation chooses its checkpoint: it has encode() and
// expect: item_head(), or score(tape, batch, candidates), beside num_items() and max_length()
#include "seqrec/cpu.hpp"
#include "seqrec/train/trainer.hpp"

struct Mute {
  using Context = seqrec::cpu::Context;
};

void run(Mute& model, const seqrec::Split& split) { seqrec::Trainer({}).fit(model, split, seqrec::NextItem{}); }
