// SPDX-License-Identifier: Apache-2.0
#include "seqrec/models/sasrec.hpp"

#include "next_item_contender.hpp"

std::unique_ptr<peer::Contender> peer::make_sasrec(const Settings& settings) {
  return make_next_item_contender<seqrec::SasRec<Context>, seqrec::SasRecOptions>(settings);
}
