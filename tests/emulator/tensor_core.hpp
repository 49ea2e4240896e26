// SPDX-License-Identifier: Apache-2.0
// Tensor cores: the products of a warp whose matrices lie in the registers of its lanes, as the PTX ISA draws them
// ("Matrix Fragments for mma.m16n8k16 with floating point type", "... mma.m16n8k8" and "... mma.m8n8k4 with .f64
// floating point type"). Written from those pictures,
// register by register, and not with the formulas of seqrec/cuda/tensor_core.cuh, which it is there to test.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "emulator/block.hpp"

namespace emulator {

/// What the lanes of a warp bring along.
struct MmaRegisters {
  std::array<std::array<std::uint32_t, 4>, lanes_per_warp> a;
  std::array<std::array<std::uint32_t, 2>, lanes_per_warp> b;
};

/// Shares a lane's registers with its warp, calls compute(registers, lane) when all are there, and lets nobody change
/// them before all are done.
template <class Compute>
void meet_at_mma(const char* operation, const std::uint32_t (&a)[4], const std::uint32_t (&b)[2], Compute compute) {
  static thread_local std::array<MmaRegisters, 1024 / lanes_per_warp> of_warp;
  Block& block = Block::current();
  MmaRegisters& registers = of_warp[block.thread() / lanes_per_warp];
  const auto lane = static_cast<std::size_t>(block.lane());
  registers.a[lane] = {a[0], a[1], a[2], a[3]};
  registers.b[lane] = {b[0], b[1]};
  block.meet_warp(operation, {}, ~0u, false);
  compute(registers, lane);
  block.meet_warp(operation, {}, ~0u, false);
}

/// The half of a register, as a number.
inline double bf16_number(std::uint32_t bits, int half) {
  return static_cast<double>(std::bit_cast<float>(half == 0 ? bits << 16 : bits & 0xFFFF0000u));
}
/// The lower 13 bits are not looked at.
inline double tf32_number(std::uint32_t bits) { return static_cast<double>(std::bit_cast<float>(bits & ~0x1FFFu)); }

/// c += what left(row, term) and right(term, column) give, for the four elements that a lane has of C.
template <class Left, class Right>
void add_products(float* c, std::size_t lane, int terms, Left left, Right right) {
  const std::size_t group = lane / 4, member = lane % 4;
  const std::size_t rows[4] = {group, group, group + 8, group + 8};
  const std::size_t columns[4] = {2 * member, 2 * member + 1, 2 * member, 2 * member + 1};
  for (std::size_t i = 0; i < 4; ++i) {
    double sum = static_cast<double>(c[i]);
    for (std::size_t term = 0; term < static_cast<std::size_t>(terms); ++term)
      sum += left(rows[i], term) * right(term, columns[i]);
    c[i] = static_cast<float>(sum);
  }
}

/// mma.m16n8k16, bf16.
inline void multiply_bf16(float* c, const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  meet_at_mma("mma.m16n8k16 (bf16)", a, b, [&](const MmaRegisters& all, std::size_t lane) {
    // Registers of A: rows 0-7 and 8-15 of terms 0-7, the same of terms 8-15. Of B: terms 0-7, terms 8-15.
    const auto left = [&](std::size_t row, std::size_t term) {
      const std::size_t owner = 4 * (row % 8) + term % 8 / 2, number = (row < 8 ? 0u : 1u) + (term < 8 ? 0u : 2u);
      return bf16_number(all.a[owner][number], static_cast<int>(term % 2));
    };
    const auto right = [&](std::size_t term, std::size_t column) {
      return bf16_number(all.b[4 * column + term % 8 / 2][term / 8], static_cast<int>(term % 2));
    };
    add_products(c, lane, 16, left, right);
  });
}

/// mma.m16n8k8, bf16.
inline void multiply_bf16(float* c, const std::uint32_t (&a)[2], std::uint32_t b) {
  meet_at_mma("mma.m16n8k8 (bf16)", {a[0], a[1], 0, 0}, {b, 0}, [&](const MmaRegisters& all, std::size_t lane) {
    // Registers of A: rows 0-7 and 8-15. Of B: one.
    const auto left = [&](std::size_t row, std::size_t term) {
      return bf16_number(all.a[4 * (row % 8) + term / 2][row / 8], static_cast<int>(term % 2));
    };
    const auto right = [&](std::size_t term, std::size_t column) {
      return bf16_number(all.b[4 * column + term / 2][0], static_cast<int>(term % 2));
    };
    add_products(c, lane, 8, left, right);
  });
}

/// mma.m16n8k8, TF32.
inline void multiply_tf32(float* c, const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  meet_at_mma("mma.m16n8k8 (TF32)", a, b, [&](const MmaRegisters& all, std::size_t lane) {
    // Registers of A: rows 0-7 and 8-15 of terms 0-3, the same of terms 4-7. Of B: terms 0-3, terms 4-7.
    const auto left = [&](std::size_t row, std::size_t term) {
      return tf32_number(all.a[4 * (row % 8) + term % 4][(row < 8 ? 0u : 1u) + (term < 4 ? 0u : 2u)]);
    };
    const auto right = [&](std::size_t term, std::size_t column) {
      return tf32_number(all.b[4 * column + term % 4][term / 4]);
    };
    add_products(c, lane, 8, left, right);
  });
}

/// mma.m8n8k4, double precision. A lane has one number of A, one of B and two of C.
inline void multiply_double(double* c, double a, double b) {
  static thread_local std::array<std::array<std::array<double, 2>, lanes_per_warp>, 1024 / lanes_per_warp> of_warp;
  Block& block = Block::current();
  auto& numbers = of_warp[block.thread() / lanes_per_warp];
  const auto lane = static_cast<std::size_t>(block.lane());
  numbers[lane] = {a, b};
  block.meet_warp("mma.m8n8k4 (double)", {}, ~0u, false);
  // Of A lane 4 row + term has an element, of B lane 4 column + term.
  const std::size_t row = lane / 4;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::size_t column = 2 * (lane % 4) + i;
    for (std::size_t term = 0; term < 4; ++term) c[i] += numbers[4 * row + term][0] * numbers[4 * column + term][1];
  }
  block.meet_warp("mma.m8n8k4 (double)", {}, ~0u, false);
}

}  // namespace emulator
