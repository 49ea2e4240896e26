// SPDX-License-Identifier: Apache-2.0
#include "seqrec/models/recurrent_encoder.hpp"

#include "seqrec/cpu.hpp"
#include "seqrec/models/avg_pool.hpp"
#include "seqrec/models/gru4rec.hpp"
#include "seqrec/models/sasrec.hpp"
#include "support/catch.hpp"

using namespace seqrec;

TEST_CASE("a model is recurrent that reads one event after the other, from a state to a state", "[models]") {
  static_assert(RecurrentEncoder<Gru4Rec<cpu::Context>>);
  static_assert(!RecurrentEncoder<SasRec<cpu::Context>> && !RecurrentEncoder<AvgPool<cpu::Context>>);
  SUCCEED();
}
