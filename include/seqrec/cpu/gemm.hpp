// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "seqrec/core/tensor.hpp"
#include "seqrec/cpu/bf16_pairs.hpp"
#include "seqrec/cpu/gemm_tile.hpp"
#include "seqrec/cpu/instruction_set.hpp"
#include "seqrec/ops/gradient.hpp"

// The only place of the CPU backend where a matrix product happens. B is taken panel by panel, as many columns as a
// register tile has (gemm_tile.hpp), and up to `gemm_depth` rows of it: a panel of 64 KiB at most, which the tiles of
// all rows of A read again and again from the first or second cache. Rows of B that lie side by side are read where
// they are; what is transposed, or too narrow for whole registers, is first laid into such a panel. That costs about
// what the product of two rows of A costs. Who multiplies by the same B many times lays it out once (`pack`).

namespace seqrec::cpu {
inline namespace SEQREC_INSTRUCTION_SET {

/// A matrix to be read with rows and columns exchanged.
template <class Scalar>
struct Transposed {
  MatrixView<const Scalar, HostSpace> matrix;

  constexpr index_t rows() const { return matrix.columns(); }
  constexpr index_t columns() const { return matrix.rows(); }
};

template <class Scalar>
Transposed<std::remove_const_t<Scalar>> transposed(MatrixView<Scalar, HostSpace> matrix) {
  return {matrix};
}

/// A right-hand operand in panels, made by `pack` or, of Bf16Pairs, by `pack_bf16`.
template <class Element>
struct Packed {
  const Element* data = nullptr;
  index_t inner = 0, extent = 0;  ///< its rows and columns

  constexpr index_t rows() const { return inner; }
  constexpr index_t columns() const { return extent; }
  /// The first `count` of its columns.
  constexpr Packed first_columns(index_t count) const { return {data, inner, count}; }
  /// So many of its columns from `first` on, a multiple of packed_columns.
  constexpr Packed column_range(index_t first, index_t count) const { return {data + first * inner, inner, count}; }
};

/// Columns of a panel.
template <class Element>
inline constexpr index_t packed_columns = gemm_detail::GemmTiles<Element>::columns;
template <>
inline constexpr index_t packed_columns<Bf16Pair> = packed_columns<float>;

namespace gemm_detail {

/// The form of products whose operands have such elements.
template <class Element>
using TermsOf = std::conditional_t<std::is_same_v<Element, Bf16Pair>, Bf16Terms, WholeTerms<Element>>;

/// Rows of B that are summed over before C is written: a longer sum goes on from there.
inline constexpr index_t gemm_depth = 256;

/// Elements of C that are taken to be in the first or second cache, because they were written or read not long before.
inline constexpr index_t gemm_near = index_t{1} << 16;

// Lays columns first .. first+count-1 and `inner` rows from `start` of B into a panel; what is
// left of the last register is 0.

template <class S>
void pack_panel(MatrixView<const S, HostSpace> b, index_t start, index_t inner, index_t first, index_t count,
                S* panel) {
  constexpr index_t stride = GemmTiles<S>::columns;
  const index_t whole = round_up(count, GemmTiles<S>::lanes);
  for (index_t k = 0; k < inner; ++k) {
    std::copy_n(b.row(start + k) + first, count, panel + k * stride);
    std::fill(panel + k * stride + count, panel + k * stride + whole, S(0));
  }
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"  // a vector type as a template argument, as Eigen itself has it
/// From rows that lie along k: squares of registers are transposed in registers. Of the widest vectors halves are,
/// because processors move elements within them in more places at once than between them.
template <class S>
void pack_panel(Transposed<S> b, index_t start, index_t inner, index_t first, index_t count, S* panel) {
  using Packet = typename GemmTiles<S>::Packet;
  using Half = typename Eigen::internal::unpacket_traits<Packet>::half;
  using Side = std::conditional_t<sizeof(Packet) == 64, Half, Packet>;
  constexpr index_t lanes = Eigen::internal::unpacket_traits<Side>::size, stride = GemmTiles<S>::columns;
  const auto& rows = b.matrix;
  for (index_t column = 0; column < round_up(count, GemmTiles<S>::lanes); column += lanes) {
    const S* const from = rows.row(first + std::min(column, count - 1)) + start;
    const index_t present = std::clamp<index_t>(count - column, 0, lanes);
    index_t k = 0;
    for (; k + lanes <= inner; k += lanes) {
      Eigen::internal::PacketBlock<Side, static_cast<int>(lanes)> square;
      for (index_t i = 0; i < lanes; ++i)
        square.packet[i] = i < present ? Eigen::internal::ploadu<Side>(from + i * rows.stride + k)
                                       : Eigen::internal::pset1<Side>(S(0));
      Eigen::internal::ptranspose(square);
      for (index_t i = 0; i < lanes; ++i) Eigen::internal::pstoreu(panel + (k + i) * stride + column, square.packet[i]);
    }
    for (; k < inner; ++k)
      for (index_t i = 0; i < lanes; ++i)
        panel[k * stride + column + i] = i < present ? from[i * rows.stride + k] : S(0);
  }
}
#pragma GCC diagnostic pop

/// Rows of a panel of B, and how far apart they lie.
template <class S>
struct PanelRows {
  const S* data;
  index_t stride;
};

// panel_rows: a panel of B where it lies, if it can be read there, or laid into `memory`.

template <class S>
PanelRows<S> panel_rows(MatrixView<const S, HostSpace> b, index_t start, index_t inner, index_t first, index_t count,
                        S* memory) {
  if (count % GemmTiles<S>::lanes == 0) return {b.row(start) + first, b.stride};
  pack_panel(b, start, inner, first, count, memory);
  return {memory, GemmTiles<S>::columns};
}
template <class S>
PanelRows<S> panel_rows(Transposed<S> b, index_t start, index_t inner, index_t first, index_t count, S* memory) {
  pack_panel(b, start, inner, first, count, memory);
  return {memory, GemmTiles<S>::columns};
}
template <class S>
PanelRows<S> panel_rows(Packed<S> b, index_t start, index_t, index_t first, index_t, S*) {
  constexpr index_t stride = packed_columns<S>;
  return {b.data + first * b.inner + start * stride, stride};
}

/// A, with a(i, k) at data[i * row + k * inner].
template <class S>
struct LeftOperand {
  const S* data;
  index_t row, inner;
};

template <class Scalar>
LeftOperand<std::remove_const_t<Scalar>> left_operand(MatrixView<Scalar, HostSpace> a) {
  return {a.data, a.stride, 1};
}
template <class S>
LeftOperand<S> left_operand(Transposed<S> a) {
  return {a.matrix.data, 1, a.matrix.stride};
}

template <class Scalar>
MatrixView<const std::remove_const_t<Scalar>, HostSpace> right_operand(MatrixView<Scalar, HostSpace> b) {
  return b;
}
template <class S>
Transposed<S> right_operand(Transposed<S> b) {
  return b;
}
template <class S>
Packed<S> right_operand(Packed<S> b) {
  return b;
}

/// C = or += A B, with what the epilogue says.
template <class Element, class B, class S>
void gemm_panels(LeftOperand<Element> a, B b, MatrixView<S, HostSpace> c, const GemmEpilogue<S>& epilogue) {
  constexpr index_t panel = packed_columns<Element>;
  if (c.size() == 0) return;
  alignas(64) Element memory[static_cast<std::size_t>(gemm_depth * panel)];
  for (index_t first = 0; first < c.columns(); first += panel) {
    const index_t columns = std::min(panel, c.columns() - first);
    // At least once: a sum over no terms is written too.
    for (index_t start = 0; start == 0 || start < b.rows(); start += gemm_depth) {
      const index_t inner = std::min(gemm_depth, b.rows() - start);
      const PanelRows<Element> of_b = panel_rows(b, start, inner, first, columns, memory);
      const bool begins = start == 0, ends = start + gemm_depth >= b.rows();
      gemm_panel(
          GemmOperands<TermsOf<Element>>{.inner = inner,
                                         .a = a.data + start * a.inner,
                                         .a_row = a.row,
                                         .a_inner = a.inner,
                                         .b = of_b.data,
                                         .b_inner = of_b.stride,
                                         .c = c.data + first,
                                         .c_row = c.stride,
                                         .c_is_far = c.size() > gemm_near,
                                         .columns = columns,
                                         .epilogue = {.adds = epilogue.adds || !begins,
                                                      .bias = begins && epilogue.bias ? epilogue.bias + first : nullptr,
                                                      .relu = epilogue.relu && ends}},
          c.rows());
    }
  }
}

}  // namespace gemm_detail

/// C = A B, or C += A B. A is a matrix view or `transposed(view)`; so is B, or it is packed. C overlaps neither. An
/// element of C has the same bits wherever it stands and however many others there are.
/// @param a (M, K)   @param b (K, N)   @param c (M, N)
template <class A, class B, class Scalar>
void gemm(A a, B b, MatrixView<Scalar, HostSpace> c, GradientMode mode = GradientMode::write) {
  gemm_detail::gemm_panels(gemm_detail::left_operand(a), gemm_detail::right_operand(b), c,
                           gemm_detail::GemmEpilogue<Scalar>{.adds = mode == GradientMode::add});
}

/// C = A B + bias, and of that the positive part where `relu`.
/// @param bias (N) or null
template <class A, class B, class Scalar>
void gemm_bias(A a, B b, VectorView<const Scalar, HostSpace> bias, bool relu, MatrixView<Scalar, HostSpace> c) {
  gemm_detail::gemm_panels(gemm_detail::left_operand(a), gemm_detail::right_operand(b), c,
                           gemm_detail::GemmEpilogue<Scalar>{.bias = bias.data, .relu = relu});
}

/// Elements that a matrix of (inner, columns) takes in panels.
template <class Element>
constexpr index_t packed_size(index_t inner, index_t columns) {
  return inner * round_up(columns, packed_columns<Element>);
}

/// So many columns rounded up to whole registers: a product with packed columns may write them too, as zeros, which
/// spares it the way around half a register.
template <class S>
constexpr index_t whole_registers(index_t columns) {
  return round_up(columns, gemm_detail::GemmTiles<S>::lanes);
}

/// Lays B out in panels, for products with many A.
/// @param b       (K, N) a matrix view or `transposed(view)`
/// @param memory  of packed_size(K, N) elements, which the result refers to
template <class B, class S>
Packed<S> pack(B b, S* memory) {
  constexpr index_t panel = gemm_detail::GemmTiles<S>::columns;
  const auto operand = gemm_detail::right_operand(b);
  const index_t inner = operand.rows(), columns = operand.columns();
  for (index_t first = 0; first < columns; first += panel)
    gemm_detail::pack_panel(operand, 0, inner, first, std::min(panel, columns - first), memory + first * inner);
  return {memory, inner, columns};
}

/// The same in bfloat16, for products with an A of Bf16Pairs.
/// @param memory  of packed_size<Bf16Pair>(bf16_pairs(K), N) elements
template <class B>
Packed<Bf16Pair> pack_bf16(B b, Bf16Pair* memory) {
  constexpr index_t panel = packed_columns<Bf16Pair>, depth = 32;
  const auto operand = gemm_detail::right_operand(b);
  const index_t inner = operand.rows(), columns = operand.columns(), pairs = bf16_pairs(inner);
  alignas(64) float numbers[static_cast<std::size_t>(depth * panel)] = {};
  for (index_t first = 0; first < columns; first += panel)
    for (index_t start = 0; start < inner; start += depth) {
      const index_t rows = std::min(depth, inner - start);
      gemm_detail::pack_panel(operand, start, rows, first, std::min(panel, columns - first), numbers);
      if (rows % 2 != 0) std::fill_n(numbers + rows * panel, panel, 0.0f);
      Bf16Pair* const to = memory + first * pairs + start / 2 * panel;
      for (index_t pair = 0; pair < bf16_pairs(rows); ++pair)
        pair_up(numbers + 2 * pair * panel, numbers + (2 * pair + 1) * panel, panel, to + pair * panel);
    }
  return {memory, pairs, columns};
}

}  // namespace SEQREC_INSTRUCTION_SET
}  // namespace seqrec::cpu
