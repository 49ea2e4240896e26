// SPDX-License-Identifier: Apache-2.0
// A node lives in an arena that calls no destructors.
// expect: seqrec: a tape node may capture views and numbers only; capture .value() or a Variable instead
#include <vector>

#include "seqrec/autograd/tape.hpp"
#include "seqrec/cpu.hpp"

void run(seqrec::Tape<seqrec::cpu::Context>& tape, const std::vector<float>& numbers) {
  tape.record([numbers](seqrec::Tape<seqrec::cpu::Context>&) { static_cast<void>(numbers.size()); });
}
