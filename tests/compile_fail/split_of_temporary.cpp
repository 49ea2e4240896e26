// SPDX-License-Identifier: Apache-2.0
// A split refers to its data set, which would be gone.
// expect: deleted function
#include "seqrec/data/readers/load.hpp"
#include "seqrec/data/splits/split.hpp"

const seqrec::Split split = seqrec::leave_one_out(seqrec::load_dataset("ml-100k"));
