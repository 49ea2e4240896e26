// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/dropout.hpp"

#include <vector>

#include "support/backends.hpp"
#include "support/catch.hpp"
#include "support/masks.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

template <class Scalar>
constexpr Scalar unwritten_factor = -1;

std::vector<index_t> widths() { return {1, 7, 8, 15, 16, 50, 63, 64, 65, 130, 200}; }

/// The factor by definition; `row` counts in the batch.
template <class Scalar>
Scalar defined(const Dropout& mask, std::uint32_t row, index_t column) {
  return mask.keeps(row, static_cast<std::uint32_t>(column)) ? static_cast<Scalar>(mask.scale()) : Scalar(0);
}

}  // namespace

TEMPLATE_TEST_CASE("dropout factors are the mask's, element by element", "[cpu]", float, double) {
  for (const double probability : {0.2, 0.5, 0.9999})
    for (const index_t width : widths())
      for (const std::uint32_t first_row : {0u, 1000u, 0xFFFFFFF0u}) {
        CAPTURE(probability, width, first_row);
        const Dropout mask = mask_of(probability);
        const index_t rows = 9, stride = round_up(width, cpu::dropout_group) + 3;
        std::vector<TestType> factors(static_cast<std::size_t>(rows * stride), unwritten_factor<TestType>);
        // any rows in any order
        const auto row_of = [&](index_t i) { return first_row + static_cast<std::uint32_t>(7 * i % rows); };
        cpu::dropout_factors(mask, rows, row_of, width, factors.data(), stride);
        for (index_t i = 0; i < rows; ++i) {
          for (index_t j = 0; j < width; ++j)
            REQUIRE(factors[static_cast<std::size_t>(i * stride + j)] == defined<TestType>(mask, row_of(i), j));
          for (index_t j = stride - 3; j < stride; ++j)
            REQUIRE(factors[static_cast<std::size_t>(i * stride + j)] == unwritten_factor<TestType>);
        }
      }
}

TEST_CASE("no row has no factors", "[cpu]") {
  std::vector<float> factors(64, unwritten_factor<float>);
  cpu::dropout_factors(
      mask_of(0.5), 0, [](index_t i) { return static_cast<std::uint32_t>(i); }, 10, factors.data(), 64);
  CHECK(factors == std::vector<float>(64, unwritten_factor<float>));
}

TEMPLATE_TEST_CASE("rows of factors that are drawn ahead are the same", "[cpu]", SEQREC_TEST_BACKENDS) {
  using Scalar = typename TestType::Scalar;
  for (const index_t width : widths())
    for (const index_t rows : {1, 3, 4, 5, 21}) {
      CAPTURE(width, rows);
      TestType context;
      const Dropout mask = mask_of(0.5, 1000);
      cpu::DropoutRows<TestType> drawn(context, mask, rows, width);
      REQUIRE(drawn.active());
      for (index_t i = 0; i < rows; ++i) {
        if (i % 7 == 3) continue;  // not every row is asked for
        const Scalar* factors = drawn.row(i);
        for (index_t j = 0; j < width; ++j)
          REQUIRE(factors[j] == defined<Scalar>(mask, static_cast<std::uint32_t>(1000 + i), j));
        REQUIRE(drawn.row(i) == factors);
      }
    }
}

TEST_CASE("an inactive mask draws nothing", "[cpu]") {
  CpuFloat context;
  const cpu::DropoutRows<CpuFloat> drawn(context, mask_of(0), 10, 50);
  CHECK_FALSE(drawn.active());
  CHECK(context.memory_held() == 0);
}
