// SPDX-License-Identifier: Apache-2.0
// Numbers of a test on the host, and the same numbers in the memory of a context.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "seqrec/core/random.hpp"
#include "seqrec/core/tensor.hpp"

namespace seqrec_test {

using seqrec::index_t;

/// A row-major matrix of doubles on the host: what tests compute with. A vector is a matrix of one row.
struct Matrix {
  index_t rows = 0, columns = 0;
  std::vector<double> values;

  Matrix() = default;
  Matrix(index_t rows_, index_t columns_, double fill = 0)
      : rows(rows_), columns(columns_), values(static_cast<std::size_t>(rows_ * columns_), fill) {}

  double& operator()(index_t row, index_t column) { return values[static_cast<std::size_t>(row * columns + column)]; }
  double operator()(index_t row, index_t column) const {
    return values[static_cast<std::size_t>(row * columns + column)];
  }
  double& operator()(index_t i) { return values[static_cast<std::size_t>(i)]; }
  double operator()(index_t i) const { return values[static_cast<std::size_t>(i)]; }

  /// Rows first .. first+count-1.
  Matrix row_range(index_t first, index_t count) const {
    Matrix part(count, columns);
    for (index_t i = 0; i < part.size(); ++i) part(i) = (*this)(first * columns + i);
    return part;
  }
  index_t size() const { return rows * columns; }
};

/// Equal shapes and equal bits, NaNs included.
inline bool same_bits(const Matrix& a, const Matrix& b) {
  return a.rows == b.rows && a.columns == b.columns &&
         (a.values.empty() || std::memcmp(a.values.data(), b.values.data(), a.values.size() * sizeof(double)) == 0);
}
inline bool same_bits(const std::vector<Matrix>& a, const std::vector<Matrix>& b) {
  bool same = a.size() == b.size();
  for (std::size_t i = 0; same && i < a.size(); ++i) same = same_bits(a[i], b[i]);
  return same;
}

/// Normally distributed around `mean`, in multiples of 2^-20: the same numbers in float and in double.
inline Matrix random_matrix(index_t rows, index_t columns, std::uint64_t seed, double scale = 1, double mean = 0) {
  seqrec::RandomStream random(seed, seqrec::Purpose::synthetic_data, 0);
  Matrix matrix(rows, columns);
  for (double& value : matrix.values) value = std::round((mean + scale * random.normal()) * 0x1p20) * 0x1p-20;
  return matrix;
}

/// The rows of `top`, then those of `bottom`.
inline Matrix stacked(const Matrix& top, const Matrix& bottom) {
  Matrix both(top.rows + bottom.rows, top.columns);
  for (index_t i = 0; i < top.size(); ++i) both(i) = top(i);
  for (index_t i = 0; i < bottom.size(); ++i) both(top.size() + i) = bottom(i);
  return both;
}

/// A matrix with rows for columns.
inline Matrix flipped(const Matrix& m) {
  Matrix result(m.columns, m.rows);
  for (index_t i = 0; i < m.rows; ++i)
    for (index_t j = 0; j < m.columns; ++j) result(j, i) = m(i, j);
  return result;
}

/// a b.
inline Matrix product_by_loops(const Matrix& a, const Matrix& b) {
  Matrix c(a.rows, b.columns);
  for (index_t i = 0; i < c.rows; ++i)
    for (index_t j = 0; j < c.columns; ++j)
      for (index_t k = 0; k < a.columns; ++k) c(i, j) += a(i, k) * b(k, j);
  return c;
}

/// a + b.
inline Matrix sum(Matrix a, const Matrix& b) {
  for (index_t i = 0; i < a.size(); ++i) a(i) += b(i);
  return a;
}

/// The sum of products of elements: a loss whose gradient with respect to `a` is `b`.
inline double dot(const Matrix& a, const Matrix& b) {
  double sum = 0;
  for (index_t i = 0; i < a.size(); ++i) sum += a(i) * b(i);
  return sum;
}

/// The largest difference of two elements, relative to the largest expected one where that is above 1; infinite where
/// shapes differ or only one is a number.
inline double difference(const Matrix& actual, const Matrix& expected) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (actual.rows != expected.rows || actual.columns != expected.columns) return infinity;
  double error = 0, largest = 1;
  for (index_t i = 0; i < expected.size(); ++i) {
    const double a = actual(i), e = expected(i);
    if (a == e || (std::isnan(a) && std::isnan(e))) continue;
    if (!std::isfinite(a) || !std::isfinite(e)) return infinity;
    error = std::max(error, std::abs(a - e));
    largest = std::max(largest, std::abs(e));
  }
  return error / largest;
}

/// How a matrix lies in memory. Strided: rows begin in the middle of a cache line, with a gap between them.
enum class Layout { dense, strided };

/// What lies around a strided matrix: NaN, which spoils whatever reads it, or an item that no table has.
template <class T>
constexpr T sentinel() {
  if constexpr (std::is_floating_point_v<T>)
    return std::numeric_limits<T>::quiet_NaN();
  else
    return T{-7777};
}

/// A matrix, or a vector (one row), in a memory space. `read` throws when something was written outside of it.
template <class T, class Space>
class Placed {
 public:
  Placed(const Matrix& values, Layout layout) : Placed(values.rows, values.columns, values.values, layout) {}

  template <class Value>
  Placed(index_t rows, index_t columns, const std::vector<Value>& values, Layout layout)
      : rows_(rows),
        columns_(columns),
        lead_(layout == Layout::dense ? 0 : 3),
        stride_(layout == Layout::dense ? columns : columns + 5),
        memory_(std::max<index_t>(1, rows * stride_)) {
    std::vector<T> host(static_cast<std::size_t>(memory_.size()), sentinel<T>());
    for (index_t i = 0; i < rows; ++i)
      for (index_t j = 0; j < columns; ++j)
        host[static_cast<std::size_t>(at(i, j))] = static_cast<T>(values[static_cast<std::size_t>(i * columns + j)]);
    memory_.copy_from_host(host.data());
  }

  seqrec::MatrixView<T, Space> matrix() { return {memory_.view().data + lead_, rows_, columns_, stride_}; }
  /// The only row.
  seqrec::VectorView<T, Space> vector() { return {memory_.view().data + lead_, columns_}; }

  Matrix read() const {
    const std::vector<T> host = memory_.to_host();
    Matrix values(rows_, columns_);
    std::vector<T> outside = host;
    for (index_t i = 0; i < rows_; ++i)
      for (index_t j = 0; j < columns_; ++j) {
        values(i, j) = static_cast<double>(host[static_cast<std::size_t>(at(i, j))]);
        outside[static_cast<std::size_t>(at(i, j))] = sentinel<T>();
      }
    const std::vector<T> untouched(outside.size(), sentinel<T>());
    if (std::memcmp(outside.data(), untouched.data(), outside.size() * sizeof(T)) != 0)
      throw std::runtime_error("an element outside the view was written");
    return values;
  }

 private:
  index_t at(index_t row, index_t column) const { return lead_ + row * stride_ + column; }

  index_t rows_, columns_, lead_, stride_;
  seqrec::Tensor<T, 1, Space> memory_;
};

/// A matrix or vector of activations or weights, as ops over a context see them.
template <class Context>
using PlacedScalars = Placed<typename Context::Scalar, typename Context::Space>;
/// Parameters, or sums of their gradients.
template <class Context>
using PlacedMasters = Placed<typename Context::Master, typename Context::Space>;

/// A matrix to be overwritten: NaN everywhere.
inline Matrix unwritten(index_t rows, index_t columns) { return {rows, columns, sentinel<double>()}; }

/// A dense vector of a space, of exactly the memory that it needs.
template <class Space, class T>
seqrec::Tensor<T, 1, Space> placed(const std::vector<T>& values) {
  seqrec::Tensor<T, 1, Space> tensor(static_cast<index_t>(values.size()));
  tensor.copy_from_host(values.data());
  return tensor;
}

}  // namespace seqrec_test
