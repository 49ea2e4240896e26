// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "seqrec/cpu/arrays.hpp"
#include "seqrec/cpu/context.hpp"
#include "seqrec/cpu/dropout.hpp"
#include "seqrec/cpu/pieces.hpp"
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
    if (f.kind != Activation::dice) return;
    scratch_ = context.vector(units).data;
    inverse_deviation_ = context.vector(units).data;
    array(inverse_deviation_, units) = (array(f.variance.data, units) + static_cast<S>(f.epsilon)).rsqrt();
    if (!f.sum) return;
    sum_ = context.template vector<double>(units).data;
    squares_ = context.template vector<double>(units).data;
    clear_sums();
  }

  /// y = f(x); y may be x. The same x gives the same bits in whatever row and unit it stands.
  void forward(const S* from, S* to) const {
    const auto x = array(from, units_);
    auto y = array(to, units_);
    switch (f_.kind) {
      case Activation::none:
        y = x;
        break;
      case Activation::relu:
        y = x.max(S(0));
        break;
      case Activation::sigmoid:
        logistic(from, to);
        break;
      case Activation::tanh:
        hyperbolic_tangent(from, to);
        break;
      case Activation::prelu:
        y = x.max(S(0)) + alpha() * x.min(S(0));
        break;
      case Activation::dice:
        map_pieces(
            to, units_,
            [](const Piece<S>& v, const Piece<S>& mean, const Piece<S>& r, const Piece<S>& slope) -> Piece<S> {
              const Piece<S> p = ((v - mean) * r).logistic();
              return v * (p + slope * (S(1) - p));
            },
            from, f_.mean.data, inverse_deviation_, f_.alpha.data);
        break;
    }
  }

  /// Whether f'(x) follows from f(x): backward may then be given f(x) in the place of x too.
  bool value_tells_slope() const { return f_.kind != Activation::prelu && f_.kind != Activation::dice; }
  /// Whether backward reads f(x).
  bool reads_value() const { return f_.kind == Activation::sigmoid || f_.kind == Activation::tanh; }

  /// g becomes f'(x) g; gradients of the slope are added to. Dice's sums are taken, for `count` to add.
  /// @param to f(x), if reads_value()
  void backward(const S* from, const S* to, S* gradient) const {
    const auto x = array(from, units_), y = array(to, units_);
    auto g = array(gradient, units_);
    switch (f_.kind) {
      case Activation::none:
        break;
      case Activation::relu:
        g = (x > S(0)).select(g, S(0));
        break;
      case Activation::sigmoid:
        g *= y * (S(1) - y);
        break;
      case Activation::tanh:
        g *= S(1) - y.square();
        break;
      case Activation::prelu:
        if (f_.dalpha) array(f_.dalpha.data, units_) += g * x.min(S(0));
        g = (x > S(0)).select(g, alpha() * g);
        break;
      case Activation::dice: {
        auto p = array(scratch_, units_);
        const auto mean = array(f_.mean.data, units_);
        const auto r = array(inverse_deviation_, units_);
        p = ((x - mean) * r).logistic();
        if (f_.dalpha) array(f_.dalpha.data, units_) += g * x * (S(1) - p);
        if (f_.sum) {
          const auto deviation = x.template cast<double>() - mean.template cast<double>();
          array(sum_, units_) += deviation;
          array(squares_, units_) += deviation.square();
        }
        g *= p + alpha() * (S(1) - p) + x * (S(1) - alpha()) * p * (S(1) - p) * r;
        break;
      }
    }
  }

  /// Adds what backward took of so many rows to dice's sums: all at once, because one by one a float would lose what is
  /// small beside the sum so far, and would stop counting at 2^24.
  void count(index_t rows) {
    if (f_.kind != Activation::dice || !f_.sum) return;
    array(f_.sum.data, units_) += array(sum_, units_).template cast<S>();
    array(f_.squares.data, units_) += array(squares_, units_).template cast<S>();
    f_.rows(0) += static_cast<S>(rows);
    clear_sums();
  }

 private:
  void logistic(const S* from, S* to) const {
    map_pieces(
        to, units_, [](const Piece<S>& x) -> Piece<S> { return x.logistic(); }, from);
  }
  void hyperbolic_tangent(const S* from, S* to) const {
    map_pieces(
        to, units_, [](const Piece<S>& x) -> Piece<S> { return x.tanh(); }, from);
  }
  void clear_sums() {
    array(sum_, units_).setZero();
    array(squares_, units_).setZero();
  }
  ConstArrayMap<S> alpha() const { return array(f_.alpha.data, units_); }

  UnitActivation<Ctx> f_;
  index_t units_ = 0;
  S* inverse_deviation_ = nullptr;  ///< (F) dice
  S* scratch_ = nullptr;            ///< (F) dice, of one row
  double* sum_ = nullptr;           ///< (F) dice
  double* squares_ = nullptr;       ///< (F) dice
};

}  // namespace detail

template <class S, int W>
void unit_activation_forward(BasicContext<S, W>& context, const UnitActivationForward<BasicContext<S, W>>& a) {
  const index_t units = a.x.columns();
  const detail::UnitRows<BasicContext<S, W>> f(context, a.f, units);
  const DropoutRows kept(context, a.dropout, a.x.rows(), units);
  for (index_t i = 0; i < a.x.rows(); ++i) {
    f.forward(a.x.row(i), a.y.row(i));
    mask_elements(a.y.row(i), units, kept.row(i));
  }
}

template <class S, int W>
void unit_activation_backward(BasicContext<S, W>& context, const UnitActivationBackward<BasicContext<S, W>>& a) {
  const index_t units = a.x.columns();
  detail::UnitRows<BasicContext<S, W>> f(context, a.f, units);
  const DropoutRows kept(context, a.dropout, a.x.rows(), units);
  S* const value = context.vector(f.reads_value() ? units : 0).data;
  for (index_t i = 0; i < a.x.rows(); ++i) {
    mask_elements(a.dy.row(i), units, kept.row(i));
    if (f.reads_value()) f.forward(a.x.row(i), value);
    f.backward(a.x.row(i), value, a.dy.row(i));
    if (a.dx.view.data != a.dy.data) leave_row(a.dx, i, row_array(a.dy, i));
  }
  f.count(a.x.rows());
}

}  // namespace seqrec::cpu
