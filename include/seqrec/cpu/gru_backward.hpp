// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/gemm.hpp"
#include "seqrec/cpu/gru_steps.hpp"
#include "seqrec/cpu/pieces.hpp"
#include "seqrec/ops/gru.hpp"

namespace seqrec::cpu {

namespace detail {

/// Gradients of what is added up in the gates, side by side.
template <class S>
struct GruGates {
  S *r, *z, *n;
  GruGates(S* row, index_t width) : r(row), z(row + width), n(row + 2 * width) {}
};

/// What is known of a stretch's rows on the way back, by time.
template <class Context>
struct GruStretchBack {
  matrix_of<Context> before;     ///< (rows, F) the states before them
  matrix_of<Context> dproducts;  ///< (rows, 3 F) gradients of what the products with these are added to
  matrix_of<Context> dgates;     ///< (rows, 3 F) of x_r | x_z | x_n; the same if the reset comes before the product
  matrix_of<Context> x;          ///< (rows, I) inputs, later their gradients

  GruStretchBack(Context& context, index_t rows, index_t width, index_t inputs, bool after)
      : before(context.matrix(rows, width)),
        dproducts(context.matrix(rows, 3 * width)),
        dgates(after ? context.matrix(rows, 3 * width) : dproducts),
        x(context.matrix(rows, inputs)) {}

  /// The first `count` rows.
  GruStretchBack rows(index_t count) const {
    GruStretchBack some = *this;
    for (matrix_of<Context>* part : {&some.before, &some.dproducts, &some.dgates, &some.x})
      *part = part->row_range(0, count);
    return some;
  }
};

/// What a stretch adds to the gradients of weights and biases, and those of its inputs.
/// @param kept (rows, 4 F) what forward left of its rows
template <class Context>
void leave_gradients(const GruBackward<Context>& a, const TimeSteps& steps, const Stretch& stretch,
                     const GruStretchBack<Context>& of, const_matrix_of<Context> kept) {
  using S = typename Context::Scalar;
  const index_t width = a.y.columns();
  for (index_t row = 0; row < stretch.rows; ++row) {
    if (a.dbias) array(a.dbias.data, 3 * width) += row_array(of.dproducts, row);
    if (a.dinput_bias) array(a.dinput_bias.data, 3 * width) += row_array(of.dgates, row);
  }
  if (a.dweight) {
    // Where the reset comes before the product, n's is with r h, which is what forward kept as k.
    const index_t with_states = a.reset == GruReset::after_product ? 3 * width : 2 * width,
                  rest = 3 * width - with_states;
    gemm(transposed(of.dproducts.column_range(0, with_states)), const_matrix_of<Context>(of.before),
         a.dweight.row_range(0, with_states), GradientMode::add);
    gemm(transposed(of.dproducts.column_range(with_states, rest)), kept.column_range(3 * width, width),
         a.dweight.row_range(with_states, rest), GradientMode::add);
  }
  if (a.dinput_weight) {
    gather_stretch<S>(steps, stretch, a.x, of.x);
    gemm(transposed(of.dgates), const_matrix_of<Context>(of.x), a.dinput_weight, GradientMode::add);
  }
  if (!a.dx) return;
  gemm(const_matrix_of<Context>(of.dgates), a.input_weight, of.x);
  stretch.for_rows(steps, [&](index_t place, index_t row) { leave_row(a.dx, row, row_array(of.x, place)); });
}

}  // namespace detail

template <class S, int W>
void gru_backward(BasicContext<S, W>& context, const GruBackward<BasicContext<S, W>>& a) {
  using Matrix = matrix_of<BasicContext<S, W>>;
  using ConstMatrix = const_matrix_of<BasicContext<S, W>>;
  using P = Piece<S>;
  const index_t width = a.y.columns();
  const bool after = a.reset == GruReset::after_product;
  const detail::TimeSteps steps(context, a.offsets, a.longest);
  const index_t most_rows = detail::most_stretch_rows(steps, a.y.rows());
  const detail::GruStretchBack<BasicContext<S, W>> buffers(context, most_rows, width, a.x.columns(), after);
  const auto dh = context.matrix(steps.users(), width);  // of the state after the step in hand, later of the one before
  const auto dk = after ? Matrix{} : context.matrix(steps.users(), width);
  std::fill_n(dh.data, dh.size(), S(0));

  index_t end = a.y.rows();  // of the stretch's rows, by time
  for (index_t end_step = steps.steps(); end_step > 0;) {
    const auto stretch = detail::Stretch::before(steps, end_step, detail::gru_stretch_rows);
    end_step = stretch.begin;
    index_t place = stretch.rows;
    end -= stretch.rows;
    const auto of = buffers.rows(stretch.rows);
    const ConstMatrix kept(a.saved.data + 4 * end * width, stretch.rows, 4 * width);
    for (index_t t = stretch.end - 1; t >= stretch.begin; --t) {
      const index_t active = steps.active(t);
      place -= active;
      const Matrix states = of.before.row_range(place, active), dproduct = of.dproducts.row_range(place, active),
                   dgate = of.dgates.row_range(place, active);
      const auto saved = [&, place](index_t i) { return detail::GruRow<const S>(kept.row(place + i), width); };
      for (index_t i = 0; i < active; ++i) {
        const index_t row = steps.row(i, t);
        const S* const of_initial = a.initial ? a.initial.row(steps.user(i)) : nullptr;
        const S* const of_before = t > 0 ? a.y.row(row - 1) : of_initial;
        const detail::GruRow<const S> s = saved(i);
        const detail::GruGates<S> products(dproduct.row(i), width), of_x(dgate.row(i), width);
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
            store_piece(dr, of_x.r + j, count);
            store_piece(dz, of_x.z + j, count);
            store_piece(dn, of_x.n + j, count);
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
        gemm(ConstMatrix(dproduct), a.weight, dh.row_range(0, active), GradientMode::add);
        continue;
      }
      gemm(ConstMatrix(dproduct.column_range(2 * width, width)), a.weight.row_range(2 * width, width),
           dk.row_range(0, active));
      for (index_t i = 0; i < active; ++i) {
        const S *const of_r = saved(i).r, *const of_k = dk.row(i), *const state = states.row(i);
        S *const dr = dproduct.row(i), *const d_state = dh.row(i);
        for_each_piece<S>(width, [&](index_t j, auto count) SEQREC_INLINE_LAMBDA {
          const P r = load_piece(of_r + j, count), d = load_piece(of_k + j, count);
          store_piece<S>(d * load_piece(state + j, count) * r * (S(1) - r), dr + j, count);
          add_piece<S>(d * r, d_state + j, count);
        });
      }
      gemm(ConstMatrix(dproduct.column_range(0, 2 * width)), a.weight.row_range(0, 2 * width), dh.row_range(0, active),
           GradientMode::add);
    }
    detail::leave_gradients(a, steps, stretch, of, kept);
  }
  if (a.dinitial)
    for (index_t i = 0; i < steps.users(); ++i) leave_row(a.dinitial, steps.user(i), row_array(dh, i));
}

}  // namespace seqrec::cpu
