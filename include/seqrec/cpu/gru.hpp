// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/gemm.hpp"
#include "seqrec/cpu/gru_backward.hpp"
#include "seqrec/cpu/gru_steps.hpp"
#include "seqrec/cpu/pieces.hpp"
#include "seqrec/ops/gru.hpp"

namespace seqrec::cpu {

template <class S, int W>
void gru_saved_size(BasicContext<S, W>&, const GruSavedSize<BasicContext<S, W>>& a) {
  *a.size = 4 * a.rows * a.width;
}

template <class S, int W>
void gru_forward(BasicContext<S, W>& context, const GruForward<BasicContext<S, W>>& a) {
  using detail::GruRow;
  using Vector = const_vector_of<BasicContext<S, W>>;
  const index_t width = a.y.columns();
  const bool after = a.reset == GruReset::after_product;
  const detail::TimeSteps steps(context, a.offsets, a.longest);
  const index_t most_rows = detail::most_stretch_rows(steps, a.y.rows());
  const auto inputs = context.matrix(most_rows, a.x.columns()), gates = context.matrix(most_rows, 3 * width);
  const auto h = context.matrix(steps.users(), width), products = context.matrix(steps.users(), 3 * width);
  const auto reset_states = after ? matrix_of<BasicContext<S, W>>{} : context.matrix(steps.users(), width);
  const auto scratch = a.saved ? vector_of<BasicContext<S, W>>{} : context.vector(4 * steps.users() * width);
  const auto packed = [&](MatrixView<const S, HostSpace> weight) {
    return pack(transposed(weight), context.vector(packed_size<S>(weight.columns(), weight.rows())).data);
  };
  // The weights meet the states of every step: what is multiplied by h, and by r h if the reset comes before.
  const index_t columns = after ? 3 * width : 2 * width;
  const Packed<S> of_inputs = packed(a.input_weight), of_states = packed(a.weight.row_range(0, columns)),
                  of_reset = packed(a.weight.row_range(columns, 3 * width - columns));
  const auto bias = [&](index_t begin, index_t count) {
    return a.bias ? Vector(a.bias.data + begin, count) : Vector{};
  };
  std::fill_n(h.data, h.size(), S(0));
  if (a.initial)
    for (index_t i = 0; i < steps.users(); ++i) std::copy_n(a.initial.row(steps.user(i)), width, h.row(i));

  S* saved = a.saved.data;
  detail::Stretch stretch;
  index_t place = 0;  // of the step's first row in the stretch
  for (index_t t = 0; t < steps.steps(); ++t) {
    const index_t active = steps.active(t);
    if (t == stretch.end) {
      stretch = detail::Stretch::after(steps, t, detail::gru_stretch_rows);
      place = 0;
      const auto x = inputs.row_range(0, stretch.rows);
      detail::gather_stretch<S>(steps, stretch, a.x, x);
      gemm_bias(x, of_inputs, a.input_bias, false, gates.row_range(0, stretch.rows));
    }
    const auto of_x = gates.row_range(place, active);
    place += active;
    S* const first = a.saved ? saved : scratch.data;
    saved += a.saved ? 4 * active * width : 0;
    gemm_bias(h.row_range(0, active), of_states, bias(0, columns), false,
              products.row_range(0, active).column_range(0, columns));
    for (index_t i = 0; i < active; ++i) {
      const detail::GruRow<S> s(first + 4 * i * width, width);
      S* const product = products.row(i);
      map_pieces(
          s.r, 2 * width, [](const Piece<S>& p, const Piece<S>& q) -> Piece<S> { return (p + q).logistic(); },
          of_x.row(i), product);  // r and z at once
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
      const S *const x = of_x.row(i) + 2 * width, *const r = s.r, *const k = s.k, *const n = s.n, *const z = s.z;
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
      std::copy_n(state, width, a.y.row(steps.row(i, t)));
    }
  }
  if (a.final)
    for (index_t i = 0; i < steps.users(); ++i) std::copy_n(h.row(i), width, a.final.row(steps.user(i)));
}

}  // namespace seqrec::cpu
