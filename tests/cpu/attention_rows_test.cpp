// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cpu/attention_rows.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "support/backends.hpp"
#include "support/catch.hpp"
#include "support/masks.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

constexpr index_t room = 64;  ///< of a row: whole pieces

template <class S>
struct Row {
  std::vector<S> values = std::vector<S>(static_cast<std::size_t>(room), S(123));
  S* data() { return values.data(); }
  S operator()(index_t j) const { return values[static_cast<std::size_t>(j)]; }
};

template <class S>
Row<S> row_of(index_t seed) {
  Row<S> row;
  for (index_t j = 0; j < room; ++j) row.data()[j] = static_cast<S>(std::sin(static_cast<double>(7 * j + 3 * seed)));
  return row;
}

constexpr std::uint64_t bits = 0xB7E151628AED2A6A;
bool keeps(index_t j) { return bits >> j & 1; }

}  // namespace

TEMPLATE_TEST_CASE("rows of attention: probabilities and weights against loops", "[cpu]", float, double) {
  using S = TestType;
  const S scale = S(0.5), kept = S(1.25), share = S(0.125);
  const double tolerance = Tolerance<S>::value;
  for (const index_t seen : {1, 2, 7, 8, 9, 16, 17, 33, 48})
    for (const index_t columns : {seen, seen + 5}) {
      CAPTURE(seen, columns);
      const Row<S> logits = row_of<S>(1);
      Row<S> p = logits, weights, silu;
      cpu::detail::softmax_row(p.data(), seen, columns, scale);
      cpu::detail::mask_row(p.data(), &bits, kept, seen, columns, weights.data());
      cpu::detail::silu_row(logits.values.data(), share, &bits, kept, seen, columns, silu.data());
      double sum = 0;
      for (index_t j = 0; j < seen; ++j) sum += std::exp(static_cast<double>(scale * logits(j)));
      for (index_t j = 0; j < seen; ++j) {
        const double x = static_cast<double>(logits(j)), expected = std::exp(static_cast<double>(scale) * x) / sum;
        const double factor = keeps(j) ? static_cast<double>(kept) : 0;
        CHECK(std::abs(static_cast<double>(p(j)) - expected) <= tolerance);
        CHECK(std::abs(static_cast<double>(weights(j)) - expected * factor) <= tolerance);
        CHECK(std::abs(static_cast<double>(silu(j)) - 0.125 * factor * x / (1 + std::exp(-x))) <= tolerance);
      }
      for (index_t j = seen; j < columns; ++j) {
        CHECK(p(j) == 0);
        CHECK(weights(j) == 0);
        CHECK(silu(j) == 0);
      }
      const index_t end = std::max(round_up(seen, cpu::piece_size<S>), columns);
      for (index_t j = end; j < room; ++j) REQUIRE(p(j) == logits(j));  // the room of others
    }
}

TEMPLATE_TEST_CASE("rows of attention: gradients against loops", "[cpu]", float, double) {
  using S = TestType;
  const S scale = S(0.5), kept = S(1.25), mean = S(0.3), share = S(0.125);
  const double tolerance = Tolerance<S>::value;
  for (const index_t seen : {1, 7, 8, 17, 48})
    for (const bool masked : {false, true}) {
      CAPTURE(seen, masked);
      const index_t columns = seen + 3;
      const Row<S> before = row_of<S>(2);
      Row<S> p = row_of<S>(1), gradient = before, weights;
      const std::uint64_t* const mask = masked ? &bits : nullptr;
      cpu::detail::softmax_gradient_row(p.data(), mean, scale, mask, kept, seen, columns, gradient.data(),
                                        masked ? weights.data() : nullptr);
      for (index_t j = 0; j < seen; ++j) {
        const double factor = !masked ? 1 : keeps(j) ? static_cast<double>(kept) : 0;
        const double expected = (static_cast<double>(before(j)) * factor - static_cast<double>(mean)) *
                                static_cast<double>(p(j)) * static_cast<double>(scale);
        CHECK(std::abs(static_cast<double>(gradient(j)) - expected) <= tolerance);
        if (masked) CHECK(std::abs(static_cast<double>(weights(j)) - static_cast<double>(p(j)) * factor) <= tolerance);
      }
      for (index_t j = seen; j < columns; ++j) CHECK(gradient(j) == 0);

      gradient = before;
      cpu::detail::silu_gradient_row(p.data(), share, mask, kept, seen, columns, gradient.data(), weights.data());
      for (index_t j = 0; j < seen; ++j) {
        const double factor = static_cast<double>(share) * (!masked ? 1 : keeps(j) ? static_cast<double>(kept) : 0);
        const double x = static_cast<double>(p(j)), open = 1 / (1 + std::exp(-x));
        const double slope = factor * open * (1 + x * (1 - open));
        CHECK(std::abs(static_cast<double>(gradient(j)) - static_cast<double>(before(j)) * slope) <= tolerance);
        CHECK(std::abs(static_cast<double>(weights(j)) - x * open * factor) <= tolerance);
      }
      for (index_t j = seen; j < columns; ++j) CHECK((gradient(j) == 0 && weights(j) == 0));
    }
}

TEMPLATE_TEST_CASE("rows of attention: one column has all the weight, a number that is none spoils its row", "[cpu]",
                   float, double) {
  Row<TestType> one = row_of<TestType>(1), none = row_of<TestType>(1);
  cpu::detail::softmax_row(one.data(), 1, 1, TestType(1));
  CHECK(one(0) == 1);
  none.data()[2] = static_cast<TestType>(std::nan(""));
  cpu::detail::softmax_row(none.data(), 5, 5, TestType(1));
  for (index_t j = 0; j < 5; ++j) CHECK(std::isnan(none(j)));
}

TEST_CASE("the mask of attention has a row for each row and head, and draws what is visible", "[cpu]") {
  const std::vector<offset_t> offsets = {0, 3, 3, 70};
  const VectorView<const offset_t, HostSpace> view(offsets.data(), 4);
  const Dropout mask = mask_of(0.4, 5);
  CpuFloat context;
  const cpu::detail::AttentionMask<CpuFloat> drawn(context, mask, view, 2, 67);
  REQUIRE(drawn.active());
  for (const auto& [first, length] : {std::pair<index_t, index_t>{0, 3}, {3, 67}})
    for (index_t i = 0; i < length; ++i)
      for (index_t head = 0; head < 2; ++head)
        for (index_t j = 0; j <= i; ++j) {
          const std::uint64_t word = drawn.row(first + i, head)[j / 64];
          const auto number = static_cast<std::uint32_t>((5 + first + i) * 2 + head);
          REQUIRE((word >> (j % 64) & 1) == mask.keeps(number, static_cast<std::uint32_t>(j)));
        }
  const cpu::detail::AttentionMask<CpuFloat> none(context, mask_of(0), view, 2, 67);
  CHECK_FALSE(none.active());
  CHECK(none.row(3, 1) == nullptr);
}
