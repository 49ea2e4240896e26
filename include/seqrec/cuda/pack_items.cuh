// SPDX-License-Identifier: Apache-2.0
// On a GPU an item table is read as it lies: its tiles go through shared memory whatever the layout.
#pragma once

#include "seqrec/cuda/context.cuh"
#include "seqrec/ops/pack_items.hpp"

namespace seqrec::cuda {

/// None.
template <class S>
void packed_items_size(BasicContext<S>&, const PackedItemsSize<BasicContext<S>>& a) {
  *a.size = 0;
}

/// The front door has nothing to ask of it.
template <class S>
void pack_items(BasicContext<S>&, const PackItems<BasicContext<S>>&) {}

}  // namespace seqrec::cuda
