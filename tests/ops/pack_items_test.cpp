// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/pack_items.hpp"

#include <algorithm>
#include <utility>

#include "seqrec/cpu/pack_items.hpp"
#include "seqrec/cpu/top_k.hpp"
#include "seqrec/cuda/pack_items.cuh"
#include "seqrec/cuda/top_k.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
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
