// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/pack_items.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "seqrec/cpu/pack_items.hpp"
#include "seqrec/cpu/rank_of_target.hpp"
#include "seqrec/cpu/top_k.hpp"
#include "seqrec/cuda/pack_items.cuh"
#include "seqrec/cuda/top_k.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/histories.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

TEMPLATE_TEST_CASE("pack_items: the best items are found as without, in parts too", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for (const index_t items : {1, 50, 300, on_device<TestType> ? 1000 : 40000})
    for (const index_t queries : {1, 40}) {
      CAPTURE(items, queries);
      TestType context;
      PlacedScalars<TestType> states(random_matrix(queries, 5, 1), Layout::dense),
          table(random_matrix(items, 5, 2), Layout::strided);
      const auto packed = context.vector(ops::packed_items_size(context, items, 5));
      ops::pack_items(context, PackItems<TestType>{table.matrix(), packed});
      const index_t wanted = std::min<index_t>(items, 20);
      const auto best = [&](const_vector_of<TestType> laid_out) {
        Placed<item_t, typename TestType::Space> found(Matrix(queries, wanted, -5), Layout::dense);
        PlacedScalars<TestType> scores(unwritten(queries, wanted), Layout::dense);
        ops::top_k(context, TopK<TestType>{
                                states.matrix(), {table.matrix(), {}, laid_out}, {}, found.matrix(), scores.matrix()});
        return std::pair{found.read().values, scores.read().values};
      };
      CHECK(best(packed) == best({}));
    }
}

TEST_CASE("pack_items: in bfloat16, half the memory, and scores some thousandths off", "[ops]") {
  for (const auto& size : {std::array<index_t, 2>{1, 5}, {50, 64}, {300, 7}, {40000, 5}})
    for (const index_t queries : {1, 40, 130}) {
      const index_t items = size[0], width = size[1];
      CAPTURE(items, width, queries);
      CpuFloat context;
      PlacedScalars<CpuFloat> states(random_matrix(queries, width, 1), Layout::strided),
          table(random_matrix(items, width, 2), Layout::strided), bias(random_matrix(1, items, 3), Layout::dense);
      const ItemHead<CpuFloat> plain{table.matrix(), bias.vector()};
      const index_t whole = ops::packed_items_size(context, items, width);
      context.set_products(ProductPrecision::bf16);
      const auto packed = context.vector(ops::packed_items_size(context, items, width));
      CHECK(packed.size() == whole / width * ((width + 1) / 2));
      ops::pack_items(context, PackItems<CpuFloat>{table.matrix(), packed});
      const index_t wanted = std::min<index_t>(items, 20);
      Placed<item_t, HostSpace> found(Matrix(queries, wanted, -5), Layout::dense);
      PlacedScalars<CpuFloat> scores(unwritten(queries, wanted), Layout::dense);
      ItemHead<CpuFloat> head = plain;
      head.packed = packed;
      ops::top_k(context, TopK<CpuFloat>{states.matrix(), head, {}, found.matrix(), scores.matrix()});

      // Each found item's score is nearly its own, and no item that is clearly better was missed.
      double largest = 0, furthest = 0;
      const Matrix all = [&] {
        Matrix m(queries, items);
        const Matrix h = states.read(), e = table.read(), b = bias.read();
        for (index_t i = 0; i < queries; ++i)
          for (index_t v = 0; v < items; ++v) {
            m(i, v) = b(v);
            for (index_t d = 0; d < width; ++d) m(i, v) += h(i, d) * e(v, d);
            largest = std::max(largest, std::abs(m(i, v)));
          }
        return m;
      }();
      const double margin = 8e-3 * largest;
      const auto chosen = found.read();
      const Matrix told = scores.read();
      for (index_t i = 0; i < queries; ++i) {
        for (index_t k = 0; k < wanted; ++k) {
          const auto item = static_cast<index_t>(chosen(i, k));
          REQUIRE(item >= 0);
          furthest = std::max(furthest, std::abs(told(i, k) - all(i, item)));
        }
        index_t missed = 0;
        for (index_t v = 0; v < items; ++v) {
          bool is_chosen = false;
          for (index_t k = 0; k < wanted; ++k) is_chosen = is_chosen || static_cast<index_t>(chosen(i, k)) == v;
          missed += !is_chosen && all(i, v) > told(i, wanted - 1) + margin ? 1 : 0;
        }
        REQUIRE(missed == 0);
      }
      CHECK(furthest <= margin);
      if (width > 5) CHECK(furthest > 0);

      // Ranks are exact, whatever the table is packed as.
      const auto ranks = [&](const ItemHead<CpuFloat>& by) {
        const auto targets = random_items(queries, items, 4);
        std::vector<std::int32_t> above(targets.size()), ties(targets.size());
        ops::rank_of_target(context, RankOfTarget<CpuFloat>{.queries = states.matrix(),
                                                            .head = by,
                                                            .targets = {targets.data(), queries},
                                                            .exclusions = {},
                                                            .above = {above.data(), queries},
                                                            .ties = {ties.data(), queries}});
        return std::pair{above, ties};
      };
      CHECK(ranks(head) == ranks(plain));
    }
}

TEST_CASE("pack_items: what does not fit is named", "[ops][errors]") {
  CpuDouble context;
  const index_t size = ops::packed_items_size(context, 6, 5);
  CHECK(message_of<ShapeError>([&] {
          ops::pack_items(context, PackItems<CpuDouble>{context.matrix(6, 5), context.vector(size - 1)});
        }) == concatenate("pack_items: size of packed is ", size - 1, ", expected ", size));
  std::vector<item_t> items(3);
  CHECK(message_of<ShapeError>([&] {
          ops::top_k(context, TopK<CpuDouble>{context.matrix(3, 5),
                                              {context.matrix(6, 5), {}, context.vector(size - 1)},
                                              {},
                                              {items.data(), 3, 1},
                                              context.matrix(3, 1)});
        }) ==
        concatenate("top_k: size of packed is ", size - 1, ", expected at least ", size, ", of 6 items of width 5"));
}
