// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>

#include "seqrec/core/tensor.hpp"
#include "seqrec/ops/gradient.hpp"

namespace seqrec::cpu {

/// A run of elements as an Eigen array: vectorised element-wise arithmetic, no products (those live in gemm.hpp).
template <class Scalar>
using ArrayMap = Eigen::Map<Eigen::Array<Scalar, Eigen::Dynamic, 1>>;
template <class Scalar>
using ConstArrayMap = Eigen::Map<const Eigen::Array<Scalar, Eigen::Dynamic, 1>>;

template <class Scalar>
ArrayMap<Scalar> array(Scalar* data, index_t size) {
  return {data, size};
}
template <class Scalar>
ConstArrayMap<Scalar> array(const Scalar* data, index_t size) {
  return {data, size};
}

/// One row of a matrix.
template <class Scalar>
auto row_array(MatrixView<Scalar, HostSpace> matrix, index_t row) {
  return array(matrix.row(row), matrix.columns());
}

/// The sum of an array in an order that depends on its size alone: that in which Eigen adds up an array at an aligned
/// address. (Of an array elsewhere it first takes the elements before the next such address.) Expressions of several
/// arrays have no address and need none of this.
template <class Array>
typename Array::Scalar sum_in_one_order(const Array& values) {
  return (values * typename Array::Scalar(1)).sum();
}

/// Leaves a row of a gradient under its rule; nothing where nobody wants it.
template <class Context, class Value>
void leave_row(const Gradient<Context>& gradient, index_t row, const Value& value) {
  if (!gradient) return;
  if (gradient.adds())
    row_array(gradient.view, row) += value;
  else
    row_array(gradient.view, row) = value;
}

}  // namespace seqrec::cpu
