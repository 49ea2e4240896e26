// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "model_contender.hpp"
#include "next_item_batch.hpp"
#include "seqrec/objectives/next_item.hpp"

namespace peer {

/// A model of histories that learns the next item at every position: objectives "bce" and "softmax".
template <class Model, class Options>
std::unique_ptr<Contender> make_next_item_contender(const Settings& settings) {
  seqrec::NextItem objective;
  if (settings.objective == "bce")
    objective = {.loss = seqrec::BinaryCrossEntropy{}};
  else if (settings.objective == "softmax")
    objective = {.loss = seqrec::FullSoftmax{}};
  else
    throw seqrec::ArgumentError("objective is " + settings.objective + ", expected bce or softmax");
  return std::make_unique<ModelContender<Model, Options, seqrec::NextItem, NextItemBatch>>(settings, objective);
}

}  // namespace peer
