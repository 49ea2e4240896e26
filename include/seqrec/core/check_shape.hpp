// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/errors.hpp"
#include "seqrec/core/tensor.hpp"

namespace seqrec {

/// Throws ShapeError unless a vector has this size.
/// @param op what is being computed   @param name the argument's, e.g. "gamma"
template <class Scalar, class Space>
void check_shape(const char* op, const char* name, const VectorView<Scalar, Space>& given, index_t size) {
  if (given.size() != size)
    throw ShapeError(concatenate(op, ": size of ", name, " is ", given.size(), ", expected ", size));
}

/// Throws ShapeError unless a matrix has these extents.
template <class Scalar, class Space>
void check_shape(const char* op, const char* name, const MatrixView<Scalar, Space>& given, index_t rows,
                 index_t columns) {
  if (given.rows() != rows)
    throw ShapeError(concatenate(op, ": rows of ", name, " is ", given.rows(), ", expected ", rows));
  if (given.columns() != columns)
    throw ShapeError(concatenate(op, ": columns of ", name, " is ", given.columns(), ", expected ", columns));
}

/// The same of an argument that may be left out (null).
template <class View, class... Extents>
void check_optional_shape(const char* op, const char* name, const View& given, Extents... extents) {
  if (given) check_shape(op, name, given, extents...);
}

}  // namespace seqrec
