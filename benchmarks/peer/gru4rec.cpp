// SPDX-License-Identifier: Apache-2.0
#include "seqrec/models/gru4rec.hpp"

#include "next_item_contender.hpp"

std::unique_ptr<peer::Contender> peer::make_gru4rec(const Settings& settings) {
  return make_next_item_contender<seqrec::Gru4Rec<Context>, seqrec::Gru4RecOptions>(settings);
}
