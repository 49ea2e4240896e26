// SPDX-License-Identifier: Apache-2.0
// That its rows are those of self_attention is tested beside that.
#include "seqrec/ops/last_row_attention.hpp"

#include <string>
#include <vector>

#include "seqrec/cpu/last_row_attention.hpp"
#include "seqrec/cuda/last_row_attention.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"

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

TEST_CASE("last_row_attention: a head too wide for the device's shared memory", "[ops][cuda][errors]") {
  CudaDouble context;
  const auto offsets = to_device(std::vector<offset_t>{0, 1});
  const auto attend = [&](index_t width) {
    ops::last_row_attention(context, LastRowAttention<CudaDouble>{.offsets = offsets.view(),
                                                                  .longest = 1,
                                                                  .q = context.matrix(1, width),
                                                                  .k = context.matrix(1, width),
                                                                  .v = context.matrix(1, width),
                                                                  .y = context.matrix(1, width)});
  };
  const auto widest = static_cast<index_t>(cuda::most_shared_bytes() / sizeof(double)) / cuda::last_rows_of_block -
                      cuda::last_row_elements(0);
  CHECK(widest > 1000);
  CHECK_NOTHROW(attend(widest));
  CHECK_THAT(message_of<ArgumentError>([&] { attend(widest + 1); }),
             ContainsSubstring("last_row_attention columns of a head is " + std::to_string(widest + 1) +
                               ", expected at most " + std::to_string(widest)));
}
