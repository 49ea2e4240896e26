// SPDX-License-Identifier: Apache-2.0
// That its rows are those of self_attention is tested beside that.
#include "seqrec/ops/last_row_attention.hpp"

#include <vector>

#include "seqrec/cpu/last_row_attention.hpp"
#include "seqrec/cuda/last_row_attention.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

TEST_CASE("last_row_attention: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  Context context;
  const std::vector<offset_t> offsets = {0, 2, 2, 5};
  const auto message = [&](auto change) {
    auto a = LastRowAttention<Context>{.offsets = {offsets.data(), 4},
                                       .longest = 3,
                                       .q = context.matrix(3, 4),
                                       .k = context.matrix(5, 4),
                                       .v = context.matrix(5, 4),
                                       .y = context.matrix(3, 4),
                                       .heads = 2};
    change(a);
    return message_of<ShapeError>([&] { ops::last_row_attention(context, a); });
  };
  const std::string op = "last_row_attention: ";
  CHECK(message([&](auto& a) { a.q = context.matrix(2, 4); }) == op + "rows of q is 2, expected 3");
  CHECK(message([&](auto& a) { a.y = context.matrix(3, 5); }) == op + "columns of y is 5, expected 4");
  CHECK(message([&](auto& a) { a.k = context.matrix(5, 6); }) == op + "columns of k is 6, expected 4");
  CHECK(message([&](auto& a) { a.v = context.matrix(4, 4); }) == op + "rows of v is 4, expected 5");
  CHECK(message([&](auto& a) { a.heads = 3; }) == op + "heads is 3, expected a divisor of the width 4");
  CHECK_THAT(message([&](auto& a) { a.longest = 2; }), ContainsSubstring(op + "longest"));
}

TEST_CASE("last_row_attention: a history of one row is its value, however wide the head", "[ops][cuda]") {
  const index_t width = 1000;
  CudaDouble context;
  const auto offsets = to_device(std::vector<offset_t>{0, 1, 1});
  PlacedScalars<CudaDouble> q(random_matrix(2, width, 1), Layout::dense), k(random_matrix(1, width, 2), Layout::dense),
      v(random_matrix(1, width, 3), Layout::dense), y(unwritten(2, width), Layout::dense);
  ops::last_row_attention(
      context,
      LastRowAttention<CudaDouble>{
          .offsets = offsets.view(), .longest = 1, .q = q.matrix(), .k = k.matrix(), .v = v.matrix(), .y = y.matrix()});
  CHECK(same_bits(y.read(), stacked(v.read(), Matrix(1, width))));
}
