// SPDX-License-Identifier: Apache-2.0
// expect: seqrec: this context computes in another type than it keeps parameters in; it must keep a cast copy
#include "seqrec/autograd/tape.hpp"
#include "seqrec/core/context_base.hpp"

using Context = seqrec::ContextBase<float, double, seqrec::HostSpace>;

void run(seqrec::Tape<Context>& tape, const seqrec::VectorParameter<Context>& bias) {
  static_cast<void>(tape.value(bias));
}
