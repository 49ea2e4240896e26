// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/gemm.hpp"
#include "seqrec/cpu/pieces.hpp"
#include "seqrec/ops/gru.hpp"

// Histories are taken from the longest to the shortest, so that those with a row at step t are the first active(t) of
// them: each step is dense products of their states, nothing is gathered or masked. What belongs to one step lies
// together
// ("by time"): the active(0) rows of step 0, then the active(1) rows of step 1, ...

namespace seqrec::cpu {

namespace detail {

/// The order of histories by length, and the rows of each step.
class TimeSteps {
 public:
  /// Longest histories first, equal ones in their order; a counting sort.
  template <class Context>
  TimeSteps(Context& context, VectorView<const offset_t, HostSpace> offsets, index_t longest)
      : offsets_(offsets), users_(std::max<index_t>(offsets.size() - 1, 0)), steps_(longest) {
    order_ = context.template vector<offset_t>(users_);
    at_least_ = context.template vector<offset_t>(longest + 2);
    std::fill_n(at_least_.data, longest + 2, offset_t{0});
    for (index_t user = 0; user < users_; ++user) ++at_least_(length(user));
    for (index_t rows = longest; rows >= 0; --rows) at_least_(rows) += at_least_(rows + 1);
    // Histories of a length stand behind all longer ones.
    const auto next = context.template vector<offset_t>(longest + 1);
    std::copy_n(at_least_.data + 1, longest + 1, next.data);
    for (index_t user = 0; user < users_; ++user) order_(next(length(user))++) = static_cast<offset_t>(user);
  }

  index_t users() const { return users_; }
  index_t steps() const { return steps_; }
  /// How many histories have a row at step t.
  index_t active(index_t step) const { return at_least_(step + 1); }
  /// The user of the i-th longest history.
  index_t user(index_t i) const { return order_(i); }
  /// The row of its step t in the batch.
  index_t row(index_t i, index_t step) const { return offsets_(order_(i)) + step; }

 private:
  index_t length(index_t user) const { return offsets_(user + 1) - offsets_(user); }

  VectorView<const offset_t, HostSpace> offsets_;
  index_t users_, steps_;
  VectorView<offset_t, HostSpace> order_;     ///< (B)
  VectorView<offset_t, HostSpace> at_least_;  ///< (steps + 2) how many histories have so many rows or more
};

/// What a step leaves for backward, side by side: r | z | n | k, where k is U_n h + b_n, or r h if the reset comes
/// before the product.
template <class S>
struct GruRow {
  S *r, *z, *n, *k;
  GruRow(S* row, index_t width) : r(row), z(row + width), n(row + 2 * width), k(row + 3 * width) {}
};

/// Gradients of what is added up in the gates, side by side.
template <class S>
struct GruGates {
  S *r, *z, *n;
  GruGates(S* row, index_t width) : r(row), z(row + width), n(row + 2 * width) {}
};

}  // namespace detail

template <class S, int W>
void gru_saved_size(BasicContext<S, W>&, const GruSavedSize<BasicContext<S, W>>& a) {
  *a.size = 4 * a.rows * a.width;
}

template <class S, int W>
void gru_forward(BasicContext<S, W>& context, const GruForward<BasicContext<S, W>>& a) {
  using detail::GruRow;
  const index_t width = a.y.columns();
  const bool after = a.reset == GruReset::after_product;
  const detail::TimeSteps steps(context, a.offsets, a.longest);
  const auto h = context.matrix(steps.users(), width), products = context.matrix(steps.users(), 3 * width);
  const auto reset_states = after ? matrix_of<BasicContext<S, W>>{} : context.matrix(steps.users(), width);
  const auto scratch = a.saved ? vector_of<BasicContext<S, W>>{} : context.vector(4 * steps.users() * width);
  // The weights meet the states of every step: what is multiplied by h, and by r h if the reset comes before.
  const index_t columns = after ? 3 * width : 2 * width;
  const auto pack_rows = [&](index_t first, index_t count) {
    return pack(transposed(a.weight.row_range(first, count)), context.vector(packed_size<S>(width, count)).data);
  };
  const Packed<S> of_states = pack_rows(0, columns), of_reset = pack_rows(columns, 3 * width - columns);
  std::fill_n(h.data, h.size(), S(0));
  if (a.initial)
    for (index_t i = 0; i < steps.users(); ++i) std::copy_n(a.initial.row(steps.user(i)), width, h.row(i));

  S* saved = a.saved.data;
  for (index_t t = 0; t < steps.steps() && steps.active(t) > 0; ++t) {
    const index_t active = steps.active(t);
    S* const first = a.saved ? saved : scratch.data;
    saved += a.saved ? 4 * active * width : 0;
    const auto bias = [&](index_t begin, index_t count) {
      return a.bias ? const_vector_of<BasicContext<S, W>>(a.bias.data + begin, count)
                    : const_vector_of<BasicContext<S, W>>{};
    };
    gemm_bias(h.row_range(0, active), of_states, bias(0, columns), false,
              products.row_range(0, active).column_range(0, columns));
    for (index_t i = 0; i < active; ++i) {
      const detail::GruRow<S> s(first + 4 * i * width, width);
      const S* const x = a.gates.row(steps.row(i, t));
      S* const product = products.row(i);
      map_pieces(
          s.r, 2 * width, [](const Piece<S>& p, const Piece<S>& q) -> Piece<S> { return (p + q).logistic(); }, x,
          product);  // r and z at once
      if (after) {
        std::copy_n(product + 2 * width, width, s.k);
      } else {
        array(s.k, width) = array(s.r, width) * array(h.row(i), width);
        std::copy_n(s.k, width, reset_states.row(i));
      }
    }
    if (!after)
      gemm_bias(reset_states.row_range(0, active), of_reset, bias(columns, width), false,
                products.row_range(0, active).column_range(columns, width));
    for (index_t i = 0; i < active; ++i) {
      const detail::GruRow<S> s(first + 4 * i * width, width);
      const index_t row = steps.row(i, t);
      const S *const x = a.gates.row(row) + 2 * width, *const r = s.r, *const k = s.k, *const n = s.n, *const z = s.z;
      S *const product = products.row(i) + 2 * width, *const state = h.row(i);
      if (after) {
        map_pieces(
            s.n, width,
            [](const Piece<S>& xn, const Piece<S>& pr, const Piece<S>& pk) -> Piece<S> {
              return (xn + pr * pk).tanh();
            },
            x, r, k);
        map_pieces(
            state, width,
            [](const Piece<S>& pn, const Piece<S>& pz, const Piece<S>& ph) -> Piece<S> { return pn + pz * (ph - pn); },
            n, z, state);
      } else {
        map_pieces(
            s.n, width, [](const Piece<S>& xn, const Piece<S>& pk) -> Piece<S> { return (xn + pk).tanh(); }, x,
            product);
        map_pieces(
            state, width,
            [](const Piece<S>& pn, const Piece<S>& pz, const Piece<S>& ph) -> Piece<S> { return ph + pz * (pn - ph); },
            n, z, state);
      }
      std::copy_n(state, width, a.y.row(row));
    }
  }
  if (a.final)
    for (index_t i = 0; i < steps.users(); ++i) std::copy_n(h.row(i), width, a.final.row(steps.user(i)));
}

template <class S, int W>
void gru_backward(BasicContext<S, W>& context, const GruBackward<BasicContext<S, W>>& a) {
  using Matrix = matrix_of<BasicContext<S, W>>;
  using P = Piece<S>;
  const index_t width = a.y.columns(), rows = a.y.rows();
  const bool after = a.reset == GruReset::after_product;
  const detail::TimeSteps steps(context, a.offsets, a.longest);
  // By time: the states before each row, and the gradients of what the products with them are added to.
  const auto before = context.matrix(rows, width), dproducts = context.matrix(rows, 3 * width);
  const auto dh = context.matrix(steps.users(), width);  // of the state after the step in hand, later of the one before
  const auto dk = after ? Matrix{} : context.matrix(steps.users(), width);
  std::fill_n(dh.data, dh.size(), S(0));

  for (index_t t = steps.steps() - 1, end = rows; t >= 0; --t) {
    const index_t active = steps.active(t), first = end - active;
    end = first;
    if (active == 0) continue;
    const Matrix states = before.row_range(first, active), dproduct = dproducts.row_range(first, active);
    const auto saved = [&](index_t i) {
      const S* const row = a.saved.data + 4 * (first + i) * width;
      return detail::GruRow<const S>(row, width);
    };
    for (index_t i = 0; i < active; ++i) {
      const index_t row = steps.row(i, t);
      const S* const of_initial = a.initial ? a.initial.row(steps.user(i)) : nullptr;
      const S* const of_before = t > 0 ? a.y.row(row - 1) : of_initial;
      const detail::GruRow<const S> s = saved(i);
      const detail::GruGates<S> products(dproduct.row(i), width);
      S *const state = states.row(i), *const d_state = dh.row(i);
      const S* const d_y = a.dy.row(row);
      for_each_piece<S>(width, [&](index_t j, auto count) SEQREC_INLINE_LAMBDA {
        const P old = of_before != nullptr ? load_piece(of_before + j, count) : P(P::Zero());
        const P z = load_piece(s.z + j, count), n = load_piece(s.n + j, count);
        const P d = load_piece(d_state + j, count) + load_piece(d_y + j, count);
        store_piece(old, state + j, count);
        if (after) {
          const P r = load_piece(s.r + j, count), k = load_piece(s.k + j, count);
          const P dn = d * (S(1) - z) * (S(1) - n.square()), dr = dn * k * r * (S(1) - r);
          const P dz = d * (old - n) * z * (S(1) - z);
          leave_piece(a.dgates, row, j, dr, count);
          leave_piece(a.dgates, row, width + j, dz, count);
          leave_piece(a.dgates, row, 2 * width + j, dn, count);
          store_piece(dr, products.r + j, count);
          store_piece(dz, products.z + j, count);
          store_piece<S>(dn * r, products.n + j, count);  // of U_n h + b_n
          store_piece<S>(d * z, d_state + j, count);
        } else {
          store_piece<S>(d * z * (S(1) - n.square()), products.n + j, count);
          store_piece<S>(d * (n - old) * z * (S(1) - z), products.z + j, count);
          store_piece<S>(d * (S(1) - z), d_state + j, count);
        }
      });
    }
    if (after) {
      gemm(MatrixView<const S, HostSpace>(dproduct), a.weight, dh.row_range(0, active), GradientMode::add);
      continue;
    }
    gemm(MatrixView<const S, HostSpace>(dproduct.column_range(2 * width, width)), a.weight.row_range(2 * width, width),
         dk.row_range(0, active));
    for (index_t i = 0; i < active; ++i) {
      const S *const of_r = saved(i).r, *const of_k = dk.row(i), *const state = states.row(i);
      S *const dr = dproduct.row(i), *const d_state = dh.row(i);
      for_each_piece<S>(width, [&](index_t j, auto count) SEQREC_INLINE_LAMBDA {
        const P r = load_piece(of_r + j, count), d = load_piece(of_k + j, count);
        store_piece<S>(d * load_piece(state + j, count) * r * (S(1) - r), dr + j, count);
        add_piece<S>(d * r, d_state + j, count);
      });
      leave_row(a.dgates, steps.row(i, t), row_array(dproduct, i));
    }
    gemm(MatrixView<const S, HostSpace>(dproduct.column_range(0, 2 * width)), a.weight.row_range(0, 2 * width),
         dh.row_range(0, active), GradientMode::add);
  }

  if (a.dinitial)
    for (index_t i = 0; i < steps.users(); ++i) leave_row(a.dinitial, steps.user(i), row_array(dh, i));
  if (a.dbias)
    for (index_t row = 0; row < rows; ++row) array(a.dbias.data, 3 * width) += row_array(dproducts, row);
  if (!a.dweight || rows == 0) return;
  const MatrixView<const S, HostSpace> states = before;
  if (after) return gemm(transposed(dproducts), states, a.dweight, GradientMode::add);
  gemm(transposed(dproducts.column_range(0, 2 * width)), states, a.dweight.row_range(0, 2 * width), GradientMode::add);
  const MatrixView<const S, HostSpace> reset_states(a.saved.data + 3 * width, rows, width, 4 * width);
  gemm(transposed(dproducts.column_range(2 * width, width)), reset_states, a.dweight.row_range(2 * width, width),
       GradientMode::add);
}

}  // namespace seqrec::cpu
