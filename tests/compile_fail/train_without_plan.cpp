// SPDX-License-Identifier: Apache-2.0
// expect: seqrec: an objective has plan(), name() and check(), and is called with (model, tape, batch): see
// expect: seqrec/objectives/objective.hpp
#include "seqrec/cpu.hpp"
#include "seqrec/models/avg_pool.hpp"
#include "seqrec/train/trainer.hpp"

struct OldObjective {
  seqrec::index_t negatives = 1;
  void check() const {}
};

void run(seqrec::AvgPool<seqrec::cpu::Context>& model, const seqrec::Split& split) {
  seqrec::Trainer({}).fit(model, split, OldObjective{});
}
