// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>
#include <cstddef>

#include "seqrec/core/types.hpp"
#include "seqrec/cpu/instruction_set.hpp"

// The innermost part of a product: a tile of C that stays in registers while k runs over a panel of B.
//
//              panel of B: `packets` registers wide, k down
//                    b0   b1   b2   b3
//     a(i, k)  ->  c(i,0) ...      c(i,3)     a(i, k) is spread over a register once and used `packets` times,
//     a(i+1, k) -> ...                        a register of B is loaded once and used `rows` times.
//
// So a step in k costs rows + packets loads and rows * packets multiply-adds; two of each start in a cycle. Tiles use
// the registers that are left when those of B and one for a(i, k) are taken away, and have at least eight sums, as many
// as a processor begins before the first is ready. Written with Eigen's packet primitives: one source for every vector
// width.
//
// Every element of C is summed over k in ascending order, one multiply-add after another, whatever tile it lies in. So
// it has the same bits wherever it stands, however many rows and columns there are, and whatever the vector width
// (where processors have a multiply-add in one rounding).

/// Before a loop of a tile, whose counts are constants: all of it must be unrolled, or sums do not stay in registers.
/// (nvcc, which compiles this for the host, does not know the pragma.)
#if defined(__CUDACC__)
#define SEQREC_UNROLL
#else
#define SEQREC_UNROLL _Pragma("GCC unroll 16")
#endif

namespace seqrec::cpu {
inline namespace SEQREC_INSTRUCTION_SET {
namespace gemm_detail {

/// What a product's operands are: numbers of the sums' own type, multiplied one by one. (Another form: bf16.hpp.)
template <class S>
struct WholeTerms {
  using Scalar = S;   ///< of C, and of the sums
  using Element = S;  ///< of A and B: what one step in k reads
  using Packet = typename Eigen::internal::packet_traits<S>::type;
  using Register = Packet;  ///< of elements

  static EIGEN_ALWAYS_INLINE Register load(const Element* from) { return Eigen::internal::ploadu<Packet>(from); }
  static EIGEN_ALWAYS_INLINE Register spread(Element of_a) { return Eigen::internal::pset1<Packet>(of_a); }
  static EIGEN_ALWAYS_INLINE Packet add_product(const Register& of_a, const Register& of_b, const Packet& sum) {
    return Eigen::internal::pmadd(of_a, of_b, sum);
  }
};

/// What becomes of a finished sum on its way to C: relu(C + sum + bias), as much of it as is asked for.
template <class S>
struct GemmEpilogue {
  bool adds = false;        ///< to what C holds
  const S* bias = nullptr;  ///< (columns of C) added to every row; null for none
  bool relu = false;        ///< the sum's negative part becomes 0
};

/// Register tiles for vectors of `Packet`.
template <class S>
struct GemmTiles {
  using Packet = typename Eigen::internal::packet_traits<S>::type;
  static constexpr index_t lanes = Eigen::internal::unpacket_traits<Packet>::size;
  static constexpr bool many_registers = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32;
  /// Registers side by side in a full tile, and columns of C that they cover: those of a panel.
  static constexpr int packets = many_registers ? 4 : 2;
  static constexpr index_t columns = packets * lanes;

  /// Rows of a tile that is so many registers wide.
  static constexpr int rows(int width) {
    constexpr int wide[] = {0, 16, 12, 8, 6}, narrow[] = {0, 8, 6};
    return many_registers ? wide[width] : narrow[width];
  }
};

/// Where a tile's operands lie.
template <class Terms>
struct GemmOperands {
  using S = typename Terms::Scalar;
  using Element = typename Terms::Element;
  index_t inner;     ///< length of the sums, in elements
  const Element* a;  ///< a(i, k) at a[i * a_row + k * a_inner]
  index_t a_row, a_inner;
  const Element* b;  ///< b(k, j) at b[k * b_inner + j]; whole registers may be read
  index_t b_inner;
  S* c;  ///< c(i, j) at c[i * c_row + j]
  index_t c_row;
  bool c_is_far;             ///< whether C is to be asked for before it is needed
  index_t columns;           ///< of C that exist, of those that the tile covers
  GemmEpilogue<S> epilogue;  ///< bias: that of the tile's first column
};

/// The way into C for what fills no whole register.
/// @param sums (rows, lanes)   @param first column of C   @param count columns that C has
template <class Terms>
EIGEN_DONT_INLINE void finish_narrow_columns(const GemmOperands<Terms>& o, index_t rows, index_t first, index_t count,
                                             typename Terms::Scalar* sums) {
  using S = typename Terms::Scalar;
  for (index_t i = 0; i < rows; ++i, sums += GemmTiles<S>::lanes) {
    S* const c = o.c + i * o.c_row + first;
    for (index_t j = 0; j < count; ++j) {
      if (o.epilogue.bias != nullptr) sums[j] += o.epilogue.bias[first + j];
      if (o.epilogue.adds) sums[j] += c[j];
      c[j] = o.epilogue.relu && sums[j] < S(0) ? S(0) : sums[j];
    }
  }
}

/// Steps in k before its end at which a tile asks for its part of a C that is far: a few hundred cycles, as many as
/// memory takes.
inline constexpr index_t steps_ahead = 32;

/// Adds the products of `count` steps in k from `first` on.
template <class Terms, class Packet, std::size_t rows, std::size_t packets>
EIGEN_ALWAYS_INLINE void add_products(const GemmOperands<Terms>& o, index_t first, index_t count,
                                      Packet (&sum)[rows][packets]) {
  constexpr index_t lanes = GemmTiles<typename Terms::Scalar>::lanes;
  const index_t a_row = o.a_row, a_inner = o.a_inner, b_inner = o.b_inner;
  const typename Terms::Element *a = o.a + first * a_inner, *b = o.b + first * b_inner;
  for (; count > 0; --count, a += a_inner, b += b_inner) {
    typename Terms::Register of_b[packets];
    SEQREC_UNROLL for (std::size_t j = 0; j < packets; ++j) of_b[j] = Terms::load(b + static_cast<index_t>(j) * lanes);
    SEQREC_UNROLL for (std::size_t i = 0; i < rows; ++i) {
      const typename Terms::Register of_a = Terms::spread(a[static_cast<index_t>(i) * a_row]);
      SEQREC_UNROLL for (std::size_t j = 0; j < packets; ++j) sum[i][j] = Terms::add_product(of_a, of_b[j], sum[i][j]);
    }
  }
}

/// One tile.
template <class Terms, int rows, int packets>
EIGEN_DONT_INLINE void gemm_tile(const GemmOperands<Terms>& o) {
  using S = typename Terms::Scalar;
  using Packet = typename GemmTiles<S>::Packet;
  using namespace Eigen::internal;
  constexpr index_t lanes = GemmTiles<S>::lanes;
  Packet sum[std::size_t{rows}][std::size_t{packets}];
  const auto for_each = [](auto work) {
    SEQREC_UNROLL for (int i = 0; i < rows; ++i) { SEQREC_UNROLL for (int j = 0; j < packets; ++j) work(i, j); }
  };
  for_each([&](int i, int j) { sum[i][j] = pset1<Packet>(S(0)); });
  const auto c = [&](int i, int j) { return o.c + i * o.c_row + j * lanes; };
  const index_t last = !o.c_is_far ? 0 : o.inner < steps_ahead ? o.inner : steps_ahead;
  add_products<Terms>(o, 0, o.inner - last, sum);
  if (o.c_is_far) {
    for_each([&](int i, int j) { __builtin_prefetch(c(i, j), 1); });
    add_products<Terms>(o, o.inner - last, last, sum);
  }
  // Only the last register of a row may be wider than what C has.
  const bool narrow = o.columns < packets * lanes;
  const auto for_each_whole = [&](auto work) {
    for_each([&](int i, int j) {
      if (j < packets - 1 || !narrow) work(i, j);
    });
  };
  if (narrow) {
    alignas(64) S sums[static_cast<std::size_t>(rows * lanes)];
    SEQREC_UNROLL for (int i = 0; i < rows; ++i) pstoreu(sums + i * lanes, sum[i][packets - 1]);
    finish_narrow_columns(o, rows, (packets - 1) * lanes, o.columns - (packets - 1) * lanes, sums);
  }
  if (o.epilogue.bias != nullptr)
    for_each_whole([&](int i, int j) { sum[i][j] = padd(sum[i][j], ploadu<Packet>(o.epilogue.bias + j * lanes)); });
  if (o.epilogue.adds) for_each_whole([&](int i, int j) { sum[i][j] = padd(sum[i][j], ploadu<Packet>(c(i, j))); });
  if (o.epilogue.relu) for_each_whole([&](int i, int j) { sum[i][j] = pmax(sum[i][j], pset1<Packet>(S(0))); });
  for_each_whole([&](int i, int j) { pstoreu(c(i, j), sum[i][j]); });
}

/// Tiles of `rows` rows while there are so many, then of half as many, and so on: all rows of C against one panel of B.
template <class Terms, int rows, int packets>
void gemm_rows_of_tiles(GemmOperands<Terms> o, index_t count) {
  for (; count >= rows; count -= rows) {
    gemm_tile<Terms, rows, packets>(o);
    o.a += rows * o.a_row;
    o.c += rows * o.c_row;
  }
  constexpr int fewer = rows > 8 ? 8 : rows > 4 ? 4 : rows > 2 ? 2 : 1;
  if constexpr (rows > 1)
    if (count > 0) gemm_rows_of_tiles<Terms, fewer, packets>(o, count);
}

/// The same with as many registers side by side as the panel's columns need.
template <class Terms, int packets = 1>
void gemm_panel(const GemmOperands<Terms>& o, index_t rows) {
  using Tiles = GemmTiles<typename Terms::Scalar>;
  if constexpr (packets < Tiles::packets)
    if (o.columns > packets * Tiles::lanes) return gemm_panel<Terms, packets + 1>(o, rows);
  gemm_rows_of_tiles<Terms, Tiles::rows(packets), packets>(o, rows);
}

}  // namespace gemm_detail
}  // namespace SEQREC_INSTRUCTION_SET
}  // namespace seqrec::cpu
