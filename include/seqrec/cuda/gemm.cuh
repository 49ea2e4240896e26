// SPDX-License-Identifier: Apache-2.0
// The only place of the CUDA backend where a matrix product happens.
#pragma once

#include <algorithm>
#include <limits>
#include <type_traits>

#include "seqrec/core/errors.hpp"
#include "seqrec/cuda/context.cuh"
#include "seqrec/ops/gradient.hpp"

namespace seqrec::cuda {

/// A matrix to be read with rows and columns exchanged.
template <class Scalar>
struct Transposed {
  MatrixView<const Scalar, DeviceSpace> matrix;
};

template <class Scalar>
Transposed<std::remove_const_t<Scalar>> transposed(MatrixView<Scalar, DeviceSpace> matrix) {
  return {matrix};
}

namespace detail {

/// An operand as cuBLAS takes it. To cuBLAS, which counts by columns, our rows are columns: every matrix looks
/// transposed, and C = A B is computed as C' = B' A'.
template <class Scalar>
struct Operand {
  const Scalar* data;
  index_t rows, columns;  ///< as the product sees them
  index_t stride;
  cublasOperation_t operation;
};

template <class Scalar>
Operand<std::remove_const_t<Scalar>> operand(MatrixView<Scalar, DeviceSpace> m) {
  return {m.data, m.rows(), m.columns(), m.stride, CUBLAS_OP_N};
}
template <class Scalar>
Operand<Scalar> operand(Transposed<Scalar> m) {
  return {m.matrix.data, m.matrix.columns(), m.matrix.rows(), m.matrix.stride, CUBLAS_OP_T};
}

/// An extent or stride for cuBLAS, which wants an int, and strides of at least 1.
inline int blas_int(index_t value, index_t at_least = 0) {
  check_argument(value <= std::numeric_limits<int>::max(), "extent of a matrix product", value, "at most 2^31 - 1");
  return static_cast<int>(std::max(value, at_least));
}

}  // namespace detail

/// C = A B, or C += A B. Operands are matrix views or transposed(view)s; C overlaps neither.
/// @throws ShapeError, ArgumentError, CudaError   Asynchronous. The same bits in every run on the same device.
template <class A, class B, class Scalar>
void gemm(const BasicContext<Scalar>& context, A a, B b, MatrixView<Scalar, DeviceSpace> c,
          GradientMode mode = GradientMode::write) {
  const detail::Operand<Scalar> left = detail::operand(a), right = detail::operand(b);
  check_extent("matrix product", "rows of the right operand", right.rows, left.columns);
  check_extent("matrix product", "rows of the result", c.rows(), left.rows);
  check_extent("matrix product", "columns of the result", c.columns(), right.columns);
  if (c.size() == 0) return;
  const auto use = context.use();
  const auto size = [](index_t value) { return detail::blas_int(value); };
  const auto leading = [](index_t value) { return detail::blas_int(value, 1); };
  const Scalar beta = mode == GradientMode::add ? Scalar{1} : Scalar{0};
  SEQREC_CUDA_CHECK(blas_gemm(context.blas(), right.operation, left.operation, size(c.columns()), size(c.rows()),
                              size(left.columns), Scalar{1}, right.data, leading(right.stride), left.data,
                              leading(left.stride), beta, c.data, leading(c.stride)));
}

}  // namespace seqrec::cuda
