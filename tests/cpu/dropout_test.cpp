// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/dropout.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "support/backends.hpp"
#include "support/catch.hpp"
#include "support/masks.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

std::vector<index_t> widths() { return {1, 7, 8, 15, 16, 50, 63, 64, 65, 130, 200}; }

/// The factor by definition; `row` counts in the batch.
template <class Scalar>
Scalar defined(const Dropout& mask, std::uint32_t row, index_t column) {
  return mask.keeps(row, static_cast<std::uint32_t>(column)) ? static_cast<Scalar>(mask.scale()) : Scalar(0);
}

}  // namespace

TEST_CASE("the bits of a mask are the mask's, element by element", "[cpu]") {
  constexpr std::uint64_t unwritten = 0x5555555555555555;
  for (const double probability : {0.2, 0.5, 0.9999})
    for (const index_t width : widths())
      for (const std::uint32_t first_row : {0u, 1000u, 0xFFFFFFF0u})
        for (const bool causal : {false, true}) {
          CAPTURE(probability, width, first_row, causal);
          const Dropout mask = mask_of(probability);
          const index_t rows = 9, stride = cpu::mask_words(width) + 1;
          std::vector<std::uint64_t> words(static_cast<std::size_t>(rows * stride), unwritten);
          // any rows in any order, of which any columns may be wanted
          const auto row_of = [&](index_t i) { return first_row + static_cast<std::uint32_t>(7 * i % rows); };
          const auto columns_of = [&](index_t i) { return causal ? std::min(width, 20 * i) : width; };
          cpu::draw_mask(mask, rows, row_of, columns_of, words.data(), stride);
          for (index_t i = 0; i < rows; ++i) {
            const auto word = [&](index_t j) { return words[static_cast<std::size_t>(i * stride + j)]; };
            for (index_t j = 0; j < columns_of(i); ++j)
              REQUIRE((word(j / 64) >> (j % 64) & 1) == mask.keeps(row_of(i), static_cast<std::uint32_t>(j)));
            for (index_t j = cpu::mask_words(columns_of(i)); j < stride; ++j) REQUIRE(word(j) == unwritten);
          }
        }
}

TEST_CASE("no row has no mask", "[cpu]") {
  std::uint64_t word = 7;
  cpu::draw_mask(
      mask_of(0.5), 0, [](index_t i) { return i; }, [](index_t) { return index_t{10}; }, &word, 1);
  CHECK(word == 7);
}

TEMPLATE_TEST_CASE("a piece of factors follows its bits", "[cpu]", float, double) {
  const std::uint64_t words[] = {0x8000000000000001, 0xFEDCBA9876543210};
  for (index_t first = 0; first < 128; first += cpu::piece_size<TestType>) {
    const auto piece = cpu::kept_piece(words, first, TestType(1.25));
    for (index_t j = 0; j < cpu::piece_size<TestType>; ++j) {
      const bool kept = words[(first + j) / 64] >> ((first + j) % 64) & 1;
      CHECK(piece(j) == (kept ? TestType(1.25) : TestType(0)));
    }
  }
}

TEMPLATE_TEST_CASE("elements under a mask", "[cpu]", float, double) {
  for (const index_t width : widths()) {
    const Dropout mask = mask_of(0.3);
    std::vector<std::uint64_t> words(static_cast<std::size_t>(cpu::mask_words(width)));
    cpu::draw_mask(
        mask, 1, [](index_t) { return 5; }, [&](index_t) { return width; }, words.data(), cpu::mask_words(width));
    std::vector<TestType> x(static_cast<std::size_t>(width + 1), TestType(3));
    cpu::mask_elements(x.data(), width, cpu::KeptRow<TestType>{words.data(), static_cast<TestType>(mask.scale())});
    for (index_t j = 0; j < width; ++j)
      REQUIRE(x[static_cast<std::size_t>(j)] == TestType(3) * defined<TestType>(mask, 5, j));
    CHECK(x.back() == 3);
  }
}

TEST_CASE("a backward pass finds the bits that its forward pass drew", "[cpu]") {
  CpuFloat context;
  context.begin_shard();
  int drawn = 0;
  const auto words = [&](const Dropout& mask, index_t columns, bool causal = false) {
    return context.mask_of_shard({mask, 4, columns, causal}, 4, [&](std::uint64_t* bits) {
      ++drawn;
      std::fill_n(bits, 4, std::uint64_t{1});
    });
  };
  const Dropout mask = mask_of(0.5);
  const std::uint64_t* const first = words(mask, 10);
  CHECK(words(mask, 10) == first);
  CHECK(drawn == 1);
  Dropout other = mask;
  ++other.site;
  CHECK(words(other, 10) != first);
  CHECK(words(mask, 11) != first);
  CHECK(words(mask, 10, true) != first);
  CHECK(words(mask_of(0.5, 1), 10) != first);
  CHECK(drawn == 5);
  context.begin_shard();
  words(mask, 10);
  CHECK(drawn == 6);
}

TEMPLATE_TEST_CASE("rows of factors are the mask's", "[cpu]", SEQREC_TEST_BACKENDS) {
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
        std::vector<Scalar> factors(static_cast<std::size_t>(width), Scalar(1));
        cpu::mask_elements(factors.data(), width, drawn.row(i));
        for (index_t j = 0; j < width; ++j)
          REQUIRE(factors[static_cast<std::size_t>(j)] ==
                  defined<Scalar>(mask, static_cast<std::uint32_t>(1000 + i), j));
      }
    }
}

TEST_CASE("an inactive mask draws nothing", "[cpu]") {
  CpuFloat context;
  const cpu::DropoutRows<CpuFloat> drawn(context, mask_of(0), 10, 50);
  CHECK_FALSE(drawn.active());
  CHECK(context.memory_held() == 0);
  float x[3] = {1, 2, 3};
  cpu::mask_elements(x, 3, drawn.row(0));
  CHECK(x[2] == 3);
}
