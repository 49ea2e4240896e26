// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/gemm_tile.hpp"

#include <algorithm>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;
using namespace seqrec::cpu;

TEMPLATE_TEST_CASE("a register tile leaves room for B and for one number of A", "[cpu]", float, double) {
  using Tiles = gemm_detail::GemmTiles<TestType>;
  const int registers = Tiles::many_registers ? 32 : 16;
  for (int packets = 1; packets <= Tiles::packets; ++packets) {
    const int sums = Tiles::rows(packets) * packets;
    CHECK(sums + packets + 1 <= registers);
    CHECK(sums >= 8);  // as many as are begun before the first is ready
  }
  CHECK(Tiles::columns == Tiles::packets * Tiles::lanes);
}

TEMPLATE_TEST_CASE("tiles cover every number of rows and columns, and nothing else", "[cpu]", float, double) {
  using Tiles = gemm_detail::GemmTiles<TestType>;
  // Fewer and more steps than C may be asked for ahead.
  const index_t inner = GENERATE(3, 35);
  const bool far = GENERATE(false, true);
  constexpr index_t most_rows = 19, stride = Tiles::columns + 5;
  constexpr TestType unwritten = -77;
  std::vector<TestType> a(static_cast<std::size_t>(most_rows * inner)),
      b(static_cast<std::size_t>(inner * Tiles::columns));
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<TestType>(i % 7) - 3;
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<TestType>(i % 5) - 2;
  const auto at = [](const std::vector<TestType>& of, index_t i) { return of[static_cast<std::size_t>(i)]; };
  for (index_t rows = 1; rows <= most_rows; ++rows)
    for (index_t columns = 1; columns <= Tiles::columns; ++columns) {
      std::vector<TestType> c(most_rows * stride, unwritten);
      gemm_detail::gemm_panel(gemm_detail::GemmOperands<gemm_detail::WholeTerms<TestType>>{.inner = inner,
                                                                                           .a = a.data(),
                                                                                           .a_row = inner,
                                                                                           .a_inner = 1,
                                                                                           .b = b.data(),
                                                                                           .b_inner = Tiles::columns,
                                                                                           .c = c.data(),
                                                                                           .c_row = stride,
                                                                                           .c_is_far = far,
                                                                                           .columns = columns,
                                                                                           .epilogue = {}},
                              rows);
      index_t wrong = 0;
      for (index_t i = 0; i < most_rows; ++i)
        for (index_t j = 0; j < stride; ++j) {
          TestType expected = 0;  // small integers: sums are exact
          for (index_t k = 0; k < inner; ++k)
            if (j < columns) expected += at(a, i * inner + k) * at(b, k * Tiles::columns + j);
          wrong += at(c, i * stride + j) != (i < rows && j < columns ? expected : unwritten);
        }
      CAPTURE(rows, columns, inner, far);
      REQUIRE(wrong == 0);
    }
}
