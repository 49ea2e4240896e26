// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <type_traits>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/pieces.hpp"
#include "seqrec/ops/additive_attention.hpp"

// What additive attention makes of a query and a key. An exponential and a division for each unit of each pair would
// cost ten times the sums over them, so
//   - sigmoid(q + k) = 1 / (1 + exp(-q) exp(-k)): exponentials are taken of rows, not of pairs;
//   - a query meets four keys at a time, and 1/a, 1/b, 1/c, 1/d come of one division, that by abcd.
// Both need factors of moderate size (`largest_unit`); four keys of which one has larger units, or whose query has, go
// the direct way.

namespace seqrec::cpu::detail {

/// How many keys a query meets at a time. Keys are counted from the first of a history, and those that a row does not
/// see yet are left out of its four, so a row depends on nothing that comes after it.
inline constexpr index_t keys_at_once = 4;

/// The largest |q| and |k| whose exponentials are multiplied: (1 + exp(2 * largest))^4 is still a finite number.
template <class S>
inline constexpr S largest_unit = std::is_same_v<S, float> ? S(10) : S(80);

template <class S>
using FourRows = std::array<S*, keys_at_once>;

/// Rows `first` and the next count - 1 of a matrix; `instead` in the place of others.
template <class S>
FourRows<S> four_rows(MatrixView<S, HostSpace> matrix, index_t first, index_t count, S* instead) {
  FourRows<S> rows;
  for (index_t n = 0; n < keys_at_once; ++n)
    rows[static_cast<std::size_t>(n)] = n < count ? matrix.row(first + n) : instead;
  return rows;
}

template <class S>
EIGEN_ALWAYS_INLINE Eigen::Map<const Piece<S>> piece(const S* from) {
  return Eigen::Map<const Piece<S>>(from);
}
template <class S>
EIGEN_ALWAYS_INLINE Eigen::Map<Piece<S>> piece(S* from) {
  return Eigen::Map<Piece<S>>(from);
}

/// The sum of each of four pieces: transposed, the last steps of all four take as long as those of one.
template <class S>
EIGEN_ALWAYS_INLINE void sums_of_four(const Piece<S>* pieces, S* sums) {
  using Eigen::internal::padd, Eigen::internal::ploadu;
  using Four = typename Eigen::internal::find_best_packet<S, keys_at_once>::type;
  if constexpr (Eigen::internal::unpacket_traits<Four>::size == keys_at_once) {
    Eigen::internal::PacketBlock<Four, keys_at_once> square;
    for (index_t n = 0; n < keys_at_once; ++n) {
      Four quarter = ploadu<Four>(pieces[n].data());
      for (index_t i = keys_at_once; i < piece_size<S>; i += keys_at_once)
        quarter = padd(quarter, ploadu<Four>(pieces[n].data() + i));
      square.packet[n] = quarter;
    }
    Eigen::internal::ptranspose(square);
    Eigen::internal::pstoreu(sums,
                             padd(padd(square.packet[0], square.packet[1]), padd(square.packet[2], square.packet[3])));
  } else {
    for (index_t n = 0; n < keys_at_once; ++n) sums[n] = pieces[n].sum();
  }
}

template <class S>
EIGEN_ALWAYS_INLINE Piece<S> squashed(Squash squash, const Piece<S>& x) {
  if (squash == Squash::sigmoid) return x.logistic();
  return (x * S(0.2) + S(0.5)).max(S(0)).min(S(1));
}
/// Its derivative, from what it made.
template <class S>
EIGEN_ALWAYS_INLINE Piece<S> slope_of_squashed(Squash squash, const Piece<S>& y) {
  if (squash == Squash::sigmoid) return y - y * y;
  return (y > S(0) && y < S(1)).select(Piece<S>::Constant(S(0.2)), Piece<S>::Zero());
}

/// squash(q + k) of one query and four keys, a piece of units at a time.
template <class S>
struct SquashedSums {
  Squash squash;
  const S* query;
  FourRows<const S> keys;

  EIGEN_ALWAYS_INLINE void operator()(index_t unit, Piece<S>* results) const {
    for (std::size_t n = 0; n < keys.size(); ++n)
      results[n] = squashed<S>(squash, piece(query + unit) + piece(keys[n] + unit));
  }
};

/// The same of sigmoids, from exp(-q) and exp(-k).
template <class S>
struct SigmoidsOfProducts {
  const S* query;
  FourRows<const S> keys;

  EIGEN_ALWAYS_INLINE void operator()(index_t unit, Piece<S>* results) const {
    const Piece<S> q = piece(query + unit);
    const Piece<S> a = q * piece(keys[0] + unit) + S(1), b = q * piece(keys[1] + unit) + S(1),
                   c = q * piece(keys[2] + unit) + S(1), d = q * piece(keys[3] + unit) + S(1);
    const Piece<S> ab = a * b, cd = c * d;
    const Piece<S> all = (ab * cd).inverse(), of_ab = all * cd, of_cd = all * ab;
    results[0] = of_ab * b;
    results[1] = of_ab * a;
    results[2] = of_cd * d;
    results[3] = of_cd * c;
  }
};

/// Queries, keys and weights of a call, laid out in whole pieces with zeros behind the last unit: a pair then never
/// meets the end of a row, which would cost as much as four whole pieces.
template <class Ctx>
class AdditiveUnits {
 public:
  using S = typename Ctx::Scalar;
  using View = MatrixView<S, HostSpace>;

  template <class Arguments>
  AdditiveUnits(Ctx& context, const Arguments& a)
      : squash_(a.squash),
        queries_(in_pieces(context, a.queries)),
        keys_(in_pieces(context, a.keys)),
        weight_(in_pieces(context, const_matrix_of<Ctx>{a.weight.data, 1, a.weight.size()})),
        nothing_(context.vector(units()).data) {
    std::fill_n(nothing_, units(), S(0));
    if (squash_ != Squash::sigmoid) return;
    query_powers_ = powers(context, queries_, query_moderate_);
    key_powers_ = powers(context, keys_, key_moderate_);
  }

  /// F rounded up to whole pieces.
  index_t units() const { return weight_.columns(); }
  /// v of the units from `unit` on; 0 behind the last.
  EIGEN_ALWAYS_INLINE Eigen::Map<const Piece<S>> weight(index_t unit) const {
    return piece<S>(static_cast<const S*>(weight_.data) + unit);
  }

  /// Calls visit(squash) with SquashedSums or SigmoidsOfProducts of a row's query and of `count` keys from that of row
  /// `first` on; what it gives for keys beyond those means nothing, but is finite where the query is.
  template <class Visit>
  EIGEN_ALWAYS_INLINE void meet(index_t row, index_t first, index_t count, Visit visit) const {
    if (moderate(row, first, count))
      visit(SigmoidsOfProducts<S>{query_powers_.row(row), rows_of(key_powers_, first, count)});
    else
      visit(SquashedSums<S>{squash_, queries_.row(row), rows_of(keys_, first, count)});
  }

  /// A matrix in whole pieces.
  static View in_pieces(Ctx& context, const const_matrix_of<Ctx>& x) {
    const View y = context.matrix(x.rows(), round_up(x.columns(), piece_size<S>));
    for (index_t row = 0; row < x.rows(); ++row)
      std::fill(std::copy_n(x.row(row), x.columns(), y.row(row)), y.row(row) + y.columns(), S(0));
    return y;
  }

 private:
  bool moderate(index_t row, index_t first, index_t count) const {
    if (squash_ != Squash::sigmoid || query_moderate_[row] == 0) return false;
    return std::all_of(key_moderate_ + first, key_moderate_ + first + count, [](S yes) { return yes != 0; });
  }

  FourRows<const S> rows_of(const View& matrix, index_t first, index_t count) const {
    const const_matrix_of<Ctx> readable(matrix);
    return four_rows<const S>(readable, first, count, nothing_);
  }

  /// exp(-x), and of each row whether none of its units is too large.
  static View powers(Ctx& context, const View& x, S*& moderate) {
    const View y = context.matrix(x.rows(), x.columns());
    moderate = context.vector(x.rows()).data;
    for (index_t row = 0; row < x.rows(); ++row) {
      Piece<S> largest = Piece<S>::Zero();
      for (index_t unit = 0; unit < x.columns(); unit += piece_size<S>) {
        const Piece<S> of_x = piece<S>(static_cast<const S*>(x.row(row)) + unit);
        largest = largest.max(of_x.abs());
        piece<S>(y.row(row) + unit) = (-of_x).exp();
      }
      moderate[row] = largest.maxCoeff() <= largest_unit<S> ? S(1) : S(0);
    }
    return y;
  }

  Squash squash_;
  View queries_, keys_, weight_;
  S* nothing_;                                             ///< zeros, in the place of keys that a row does not see
  View query_powers_, key_powers_;                         ///< exp(-q), exp(-k), of sigmoids
  S *query_moderate_ = nullptr, *key_moderate_ = nullptr;  ///< of each row 1 or 0
};

}  // namespace seqrec::cpu::detail
