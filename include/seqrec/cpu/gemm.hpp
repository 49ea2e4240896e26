// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>

#include "seqrec/core/tensor.hpp"
#include "seqrec/ops/gradient.hpp"

// The only place of the CPU backend where a matrix product happens.

namespace seqrec::cpu {

/// A matrix to be read with rows and columns exchanged.
template <class Scalar>
struct Transposed {
  MatrixView<const Scalar, HostSpace> matrix;
};

template <class Scalar>
Transposed<std::remove_const_t<Scalar>> transposed(MatrixView<Scalar, HostSpace> matrix) {
  return {matrix};
}

namespace detail {

template <class Scalar>
using RowMajor = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class Scalar>
auto operand(MatrixView<Scalar, HostSpace> m) {
  using Plain = std::remove_const_t<Scalar>;
  using Matrix = std::conditional_t<std::is_const_v<Scalar>, const RowMajor<Plain>, RowMajor<Plain>>;
  return Eigen::Map<Matrix, 0, Eigen::OuterStride<>>(m.data, m.rows(), m.columns(), Eigen::OuterStride<>(m.stride));
}
template <class Scalar>
auto operand(Transposed<Scalar> m) {
  return operand(m.matrix).transpose();
}

}  // namespace detail

/// C = A B, or C += A B. Operands are matrix views or transposed(view)s; C overlaps neither.
template <class A, class B, class Scalar>
void gemm(A a, B b, MatrixView<Scalar, HostSpace> c, GradientMode mode = GradientMode::write) {
  if (c.size() == 0) return;
  auto result = detail::operand(c);
  if (mode == GradientMode::add)
    result.noalias() += detail::operand(a) * detail::operand(b);
  else
    result.noalias() = detail::operand(a) * detail::operand(b);
}

}  // namespace seqrec::cpu
