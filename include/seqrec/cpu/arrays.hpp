// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Eigen/Core>

#include "seqrec/core/tensor.hpp"

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

}  // namespace seqrec::cpu
