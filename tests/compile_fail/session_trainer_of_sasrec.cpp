// SPDX-License-Identifier: Apache-2.0
// expect: seqrec: a SessionTrainer needs a model with encode_step() and state_columns()
#include "seqrec/cpu.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/train/session_trainer.hpp"

void run(seqrec::SasRec<seqrec::cpu::Context>& model, const seqrec::Split& split) {
  seqrec::SessionTrainer(seqrec::session_trainer_options()).fit(model, split, seqrec::SessionNextItem{});
}
