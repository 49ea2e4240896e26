// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>
#include <algorithm>

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

namespace detail {

/// Rows that gemm_rows lets Eigen compute together. Its kernel takes that many at once and sums up leftover ones in
/// another order; very small products it computes in another way altogether.
template <class Scalar>
constexpr index_t rows_together(index_t inner, index_t columns) {
  constexpr index_t most = EIGEN_GEMM_TO_COEFFBASED_THRESHOLD;
  constexpr index_t kernel = std::max<index_t>(4, Eigen::internal::gebp_traits<Scalar, Scalar>::nr);
  return inner + columns < most ? round_up(most, kernel) : kernel;
}

}  // namespace detail

/// C = A B, where C has the same bits wherever it lies. (Eigen computes the elements of a very small product one by one
/// or in vectors, as the address of each allows, and sums them up in other orders.)
/// @param memory  of very_small_product elements
template <class A, class B, class Scalar>
void gemm_anywhere(A a, B b, MatrixView<Scalar, HostSpace> c, index_t inner, Scalar* memory) {
  constexpr index_t stride = round_up(EIGEN_GEMM_TO_COEFFBASED_THRESHOLD, 16);  // rows begin on cache lines
  if (c.rows() + inner + c.columns() >= EIGEN_GEMM_TO_COEFFBASED_THRESHOLD) return gemm(a, b, c);
  const MatrixView<Scalar, HostSpace> aligned(memory, c.rows(), c.columns(), stride);
  gemm(a, b, aligned);
  for (index_t i = 0; i < c.rows(); ++i) std::copy_n(aligned.row(i), c.columns(), c.row(i));
}
/// Elements that gemm_anywhere wants.
inline constexpr index_t very_small_product =
    EIGEN_GEMM_TO_COEFFBASED_THRESHOLD * round_up(EIGEN_GEMM_TO_COEFFBASED_THRESHOLD, 16);

/// C = A B, where a row of C depends on its row of A alone: it has the same bits wherever it stands and however many
/// rows there are. (Eigen alone leaves other last bits in the rows that its kernel has left over.)
template <class Context, class B>
void gemm_rows(Context& context, MatrixView<const typename Context::Scalar, HostSpace> a, B b,
               MatrixView<typename Context::Scalar, HostSpace> c) {
  using Scalar = typename Context::Scalar;
  const index_t rows = c.rows(), together = detail::rows_together<Scalar>(a.columns(), c.columns());
  if (rows >= together) {
    const index_t whole = rows - rows % together;
    gemm(a.row_range(0, whole), b, c.row_range(0, whole));
    // Leftover rows with some of those before them, which get the same values once more.
    if (whole < rows) gemm(a.row_range(rows - together, together), b, c.row_range(rows - together, together));
    return;
  }
  if (c.size() == 0) return;
  const auto padded_a = context.matrix(together, a.columns()), padded_c = context.matrix(together, c.columns());
  std::fill_n(padded_a.data, padded_a.size(), Scalar(0));
  for (index_t i = 0; i < rows; ++i) std::copy_n(a.row(i), a.columns(), padded_a.row(i));
  gemm(MatrixView<const Scalar, HostSpace>(padded_a), b, padded_c);
  for (index_t i = 0; i < rows; ++i) std::copy_n(padded_c.row(i), c.columns(), c.row(i));
}

}  // namespace seqrec::cpu
