// SPDX-License-Identifier: Apache-2.0
// expect: seqrec: recommend needs a model with encode() and item_head()
#include "seqrec/cpu.hpp"
#include "seqrec/serve/recommend.hpp"

struct ScoresCandidatesOnly {
  using Context = seqrec::cpu::Context;
};

void run(const ScoresCandidatesOnly& model, seqrec::cpu::Context& context) {
  seqrec::recommend(model, context, {}, 10, {});
}
