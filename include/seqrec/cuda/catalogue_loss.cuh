// SPDX-License-Identifier: Apache-2.0
// The cross-entropy of a softmax over the whole catalogue, whose scores are never stored: 16 rows and 32 items a warp
// at a time they are made in registers, on tensor cores, and used there.
//
// One block per 64 rows walks along the items, takes their softmax while they go by, and sums dstates with weights that
// it corrects when the softmax has found a higher score (Milakov & Gimelshein 2018, arXiv:1805.02867; Dao 2023,
// arXiv:2307.08691); one block per 64 items walks along the rows to sum the head's gradient. Each walk makes the
// scores: 8 N V D operations in all. Memory: each walk reads what it keeps once, and what it walks along once for
// every 64 rows or items. Workspace: 3 numbers a row, 2 for each part that its items are cut into, and sums for at most
// catalogue_waves waves of blocks.
#pragma once

#include <type_traits>

#include "seqrec/cuda/catalogue_head_gradient.cuh"
#include "seqrec/cuda/catalogue_softmax.cuh"
#include "seqrec/cuda/catalogue_tile.cuh"
#include "seqrec/cuda/product_precision.cuh"
#include "seqrec/cuda/rows.cuh"

namespace seqrec::cuda {

template <class S>
void catalogue_loss(BasicContext<S>& context, const CatalogueLoss<BasicContext<S>>& a) {
  using A = accumulator_of<S>;
  using Master = typename BasicContext<S>::Master;
  using Sums = MatrixView<A, DeviceSpace>;
  const index_t count = a.states.rows(), items = a.head.items(), width = a.head.width();
  const auto blocks = [](index_t kept) { return blocks_for(kept, catalogue_kept); };
  const auto tiles = [](index_t walked) { return (walked + walked_rows - 1) / walked_rows; };
  const CatalogueParts of_items(blocks(count), tiles(items)), of_rows(blocks(items), tiles(count));
  const auto vector = [&](index_t size) { return context.template vector<A>(size); };
  const auto matrix = [&](index_t rows, index_t columns) { return Sums(vector(rows * columns).data, rows, columns); };
  const CatalogueRows<A> rows{matrix(of_items.parts, count), matrix(of_items.parts, count), vector(count),
                              vector(count), vector(count)};
  Sums of_states, of_table, of_bias;
  if constexpr (std::is_same_v<S, A>)
    if (of_items.parts == 1) of_states = a.dstates;
  if (a.dstates && !of_states) of_states = matrix(of_items.parts * count, width);
  if (a.dhead.table && of_rows.parts > 1) of_table = matrix(of_rows.parts * items, width);
  if (a.dhead.bias && of_rows.parts > 1) of_bias = matrix(of_rows.parts * items, 1);
  const auto launch_for = [&]<class Terms, int Width>() {
    const auto shape = [&](index_t kept, const CatalogueParts& parts, bool sums) {
      const unsigned columns = sums ? blocks_across("columns of an item head", width, Width) : 1;
      return LaunchShape{dim3(blocks(kept), blocks_for(parts.parts, 1), columns), dim3(catalogue_threads),
                         CatalogueWalk<S, Terms, Width>::bytes};
    };
    launch<catalogue_softmax_kernel<S, Terms, Width>>(context, shape(count, of_items, static_cast<bool>(a.dstates)), a,
                                                      of_items, rows, of_states);
    launch<catalogue_losses_kernel<S>>(context, warp_per_row(count), a, rows, of_states);
    if (a.dhead.table || a.dhead.bias)
      launch<catalogue_head_gradient_kernel<S, Terms, Width>>(
          context, shape(items, of_rows, static_cast<bool>(a.dhead.table)), a, of_rows, rows, of_table,
          VectorView<A, DeviceSpace>(of_bias.data, of_bias.size()));
  };
  dispatch_terms(context, [&]<class Terms>() {
    dispatch_catalogue_width<A>(width, [&]<int Width>() { launch_for.template operator()<Terms, Width>(); });
  });
  add_catalogue_parts(context, of_table, a.dhead.table);
  add_catalogue_parts(context, of_bias, MatrixView<Master, DeviceSpace>(a.dhead.bias.data, items, 1));
}

}  // namespace seqrec::cuda
