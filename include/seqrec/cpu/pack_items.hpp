// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/gemm.hpp"
#include "seqrec/ops/pack_items.hpp"

namespace seqrec::cpu {

template <class S, int W>
void packed_items_size(BasicContext<S, W>&, const PackedItemsSize<BasicContext<S, W>>& a) {
  *a.size = packed_size<S>(a.width, a.items);
}

/// Panels of the transposed table, which the products of score_block.hpp read.
template <class S, int W>
void pack_items(BasicContext<S, W>&, const PackItems<BasicContext<S, W>>& a) {
  pack(transposed(a.table), a.packed.data);
}

}  // namespace seqrec::cpu
