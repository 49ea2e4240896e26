// SPDX-License-Identifier: Apache-2.0
// Models move; a copy of a large table must not happen by accident.
// expect: deleted
#include "seqrec/core/context_base.hpp"
#include "seqrec/models/sasrec.hpp"

using Model = seqrec::SasRec<seqrec::ContextBase<float, float, seqrec::HostSpace>>;

Model copy(const Model& model) { return model; }
