// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/item_head.hpp"

#include "support/backends.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using namespace seqrec_test;

TEST_CASE("item head: what does not fit is named", "[ops][errors]") {
  CpuDouble context;
  const ItemHead<CpuDouble> head{context.matrix(6, 5), context.vector(6)};
  CHECK(head.items() == 6);
  CHECK(head.width() == 5);
  CHECK_NOTHROW(ops::check_head("op", head, 5));
  CHECK_NOTHROW(ops::check_head_gradient<CpuDouble>("op", {}, head));
  const auto message = [](auto check) { return message_of<ShapeError>(check); };
  CHECK(message([&] { ops::check_head("op", head, 4); }) == "op: columns of table is 5, expected 4");
  CHECK(message([&] {
          ops::check_head<CpuDouble>("op", {head.table, context.vector(5)}, 5);
        }) == "op: size of bias is 5, expected 6");
  CHECK(message([&] {
          ops::check_head_gradient<CpuDouble>("op", {context.matrix(5, 5), {}}, head);
        }) == "op: rows of dtable is 5, expected 6");
  CHECK(message([&] {
          ops::check_head_gradient<CpuDouble>("op", {{}, context.vector(5)}, head);
        }) == "op: size of dbias is 5, expected 6");
}
