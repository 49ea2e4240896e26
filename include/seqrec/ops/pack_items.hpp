// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/check_shape.hpp"
#include "seqrec/core/tensor.hpp"
#include "seqrec/ops/fallback.hpp"
#include "seqrec/ops/item_head.hpp"

namespace seqrec {

/// Lays an item table out as the backend likes to read all of it, for `ItemHead::packed`. Whoever scores a catalogue
/// for one user at a time gains by it: the table is laid out once, and not for each of them. Scores keep their bits,
/// unless the context multiplies in bfloat16 (ProductPrecision): then a CPU lays it out so, in half the memory, and the
/// best items are found by scores that are off by some thousandths of the largest.
template <class Context>
struct PackItems {
  const_matrix_of<Context> table;  ///< (V, D)
  vector_of<Context> packed;       ///< of packed_items_size elements, written
};

/// Asks how many Scalars a packed table takes: none where a backend has no use for one.
template <class Context>
struct PackedItemsSize {
  index_t items = 0;        ///< V
  index_t width = 0;        ///< D
  index_t* size = nullptr;  ///< the answer
};

namespace ops {

SEQREC_OP_FALLBACK(pack_items)
SEQREC_OP_FALLBACK(packed_items_size)

/// How many Scalars a packed table of V items of width D takes.
template <class Context>
index_t packed_items_size(Context& context, index_t items, index_t width) {
  index_t size = 0;
  using fallback::packed_items_size;
  packed_items_size(context, PackedItemsSize<Context>{items, width, &size});
  return size;
}

/// @throws ShapeError when `packed` has another size than packed_items_size says
template <class Context>
void pack_items(Context& context, const PackItems<Context>& a) {
  const index_t size = packed_items_size(context, a.table.rows(), a.table.columns());
  check_extent("pack_items", "size of packed", a.packed.size(), size);
  if (size == 0) return;
  using fallback::pack_items;
  pack_items(context, a);
}

/// @throws ShapeError where a head's packed table is too small for its items
template <class Context>
void check_packed_items(const char* op, Context& context, const ItemHead<Context>& head) {
  if (!head.packed) return;
  const index_t size = packed_items_size(context, head.items(), head.width());
  if (head.packed.size() < size)
    throw ShapeError(concatenate(op, ": size of packed is ", head.packed.size(), ", expected at least ", size, ", of ",
                                 head.items(), " items of width ", head.width()));
}

}  // namespace ops
}  // namespace seqrec
