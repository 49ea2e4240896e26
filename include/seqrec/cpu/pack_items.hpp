// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/score_block.hpp"
#include "seqrec/ops/pack_items.hpp"

namespace seqrec::cpu {

template <class S, int W>
void packed_items_size(BasicContext<S, W>& context, const PackedItemsSize<BasicContext<S, W>>& a) {
  *a.size = detail::PackedProducts<BasicContext<S, W>>::size(context, a.items, a.width);
}

/// Panels of the transposed table, which the products of score_block.hpp read.
template <class S, int W>
void pack_items(BasicContext<S, W>& context, const PackItems<BasicContext<S, W>>& a) {
  detail::PackedProducts<BasicContext<S, W>>::lay_out(context, a.table, a.packed.data);
}

}  // namespace seqrec::cpu
