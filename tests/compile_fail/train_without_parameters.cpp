// SPDX-License-Identifier: Apache-2.0
// expect: seqrec: a model to be trained has parameters(), the ParameterStore that its layers register with
// expect: optimisers and checkpoints need them
#include "seqrec/cpu.hpp"
#include "seqrec/objectives/click.hpp"
#include "seqrec/train/trainer.hpp"

struct Fixed {
  using Context = seqrec::cpu::Context;
  seqrec::Variable<Context> score(seqrec::Tape<Context>&, const seqrec::Batch<seqrec::HostSpace>&,
                                  const seqrec::Candidates<seqrec::HostSpace>&) const;
  seqrec::index_t num_items() const;
  seqrec::index_t max_length() const;
};

void run(Fixed& model, const seqrec::Split& split) { seqrec::Trainer({}).fit(model, split, seqrec::Click{}); }
