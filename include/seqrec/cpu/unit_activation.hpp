// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/dropout.hpp"
#include "seqrec/ops/unit_activation.hpp"

namespace seqrec::cpu {

namespace detail {

/// An activation applied row by row; other ops that hold a small network use it too.
template <class Ctx>
class UnitRows {
 public:
  using S = typename Ctx::Scalar;

  UnitRows() = default;
  UnitRows(Ctx& context, const UnitActivation<Ctx>& f, index_t units) : f_(f), units_(units) {
    if (f.kind == Nonlinearity::sigmoid || f.kind == Nonlinearity::dice) probability_ = context.vector(units).data;
    if (f.kind != Nonlinearity::dice) return;
    inverse_deviation_ = context.vector(units).data;
    array(inverse_deviation_, units) = (array(f.variance.data, units) + static_cast<S>(f.epsilon)).rsqrt();
  }

  /// y = f(x); y may be x.
  void forward(const S* from, S* to) const {
    const auto x = array(from, units_);
    auto y = array(to, units_);
    switch (f_.kind) {
      case Nonlinearity::relu:
        y = x.max(S(0));
        break;
      case Nonlinearity::sigmoid:
        y = x.logistic();
        break;
      case Nonlinearity::prelu:
        y = x.max(S(0)) + alpha() * x.min(S(0));
        break;
      case Nonlinearity::dice: {
        auto p = array(probability_, units_);
        p = ((x - array(f_.mean.data, units_)) * array(inverse_deviation_, units_)).logistic();
        y = x * (p + alpha() * (S(1) - p));
        break;
      }
    }
  }

  /// g becomes f'(x) g; gradients of the slope and dice's sums are added to. The caller counts the rows.
  void backward(const S* from, S* gradient) const {
    const auto x = array(from, units_);
    auto g = array(gradient, units_);
    switch (f_.kind) {
      case Nonlinearity::relu:
        g = (x > S(0)).select(g, S(0));
        break;
      case Nonlinearity::sigmoid: {
        auto p = array(probability_, units_);
        p = x.logistic();
        g *= p * (S(1) - p);
        break;
      }
      case Nonlinearity::prelu:
        if (f_.dalpha) array(f_.dalpha.data, units_) += g * x.min(S(0));
        g = (x > S(0)).select(g, alpha() * g);
        break;
      case Nonlinearity::dice: {
        auto p = array(probability_, units_);
        const auto r = array(inverse_deviation_, units_);
        p = ((x - array(f_.mean.data, units_)) * r).logistic();
        if (f_.dalpha) array(f_.dalpha.data, units_) += g * x * (S(1) - p);
        if (f_.sum) {
          array(f_.sum.data, units_) += x;
          array(f_.squares.data, units_) += x.square();
        }
        g *= p + alpha() * (S(1) - p) + x * (S(1) - alpha()) * p * (S(1) - p) * r;
        break;
      }
    }
  }

  /// Counts so many rows at once: one by one, a float would stop at 2^24.
  void count(index_t rows) const {
    if (f_.sum) f_.rows(0) += static_cast<S>(rows);
  }

 private:
  ConstArrayMap<S> alpha() const { return array(f_.alpha.data, units_); }

  UnitActivation<Ctx> f_;
  index_t units_ = 0;
  S* inverse_deviation_ = nullptr;  ///< (H) dice
  S* probability_ = nullptr;        ///< (H) scratch of one row
};

}  // namespace detail

template <class S, int W>
void unit_activation_forward(BasicContext<S, W>& context, const UnitActivationForward<BasicContext<S, W>>& a) {
  const index_t units = a.x.columns();
  const detail::UnitRows<BasicContext<S, W>> f(context, a.f, units);
  DropoutRows kept(context, a.dropout, a.x.rows(), units);
  for (index_t i = 0; i < a.x.rows(); ++i) {
    f.forward(a.x.row(i), a.y.row(i));
    if (kept.active()) row_array(a.y, i) *= array(kept.row(i), units);
  }
}

template <class S, int W>
void unit_activation_backward(BasicContext<S, W>& context, const UnitActivationBackward<BasicContext<S, W>>& a) {
  const index_t units = a.x.columns();
  const detail::UnitRows<BasicContext<S, W>> f(context, a.f, units);
  DropoutRows kept(context, a.dropout, a.x.rows(), units);
  for (index_t i = 0; i < a.x.rows(); ++i) {
    if (kept.active()) row_array(a.dy, i) *= array(kept.row(i), units);
    f.backward(a.x.row(i), a.dy.row(i));
    if (a.dx.view.data != a.dy.data) leave_row(a.dx, i, row_array(a.dy, i));
  }
  f.count(a.x.rows());
}

}  // namespace seqrec::cpu
