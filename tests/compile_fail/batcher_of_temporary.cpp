// SPDX-License-Identifier: Apache-2.0
// A batcher refers to its split, which would be gone.
// expect: deleted
#include "seqrec/data/batches/batcher.hpp"

void run(const seqrec::Dataset& data) { seqrec::Batcher batcher(seqrec::leave_one_out(data), {}); }
