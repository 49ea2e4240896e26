// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include "seqrec/core/memory.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

/// A vector or row-major matrix that somebody else owns. The memory space is part of the type, so a host view handed
/// to a CUDA op does not compile. Trivially copyable: passed by value, also to kernels.
///
/// Rows of a matrix lie `stride` elements apart (at least `columns()`), so a block of columns is a view too.
template <class Scalar, int Rank, class Space>
struct TensorView {
  static_assert(Rank == 1 || Rank == 2, "seqrec: a view is a vector (1) or a matrix (2); pack further axes into rows");

  Scalar* data = nullptr;
  index_t extents[static_cast<std::size_t>(Rank)] = {};
  index_t stride = 1;  ///< elements from one row to the next; 1 for a vector

  TensorView() = default;

  /// A dense vector.
  SEQREC_HOST_DEVICE constexpr TensorView(Scalar* first, index_t size) requires(Rank == 1)
      : data(first), extents{size} {}

  /// A dense matrix.
  SEQREC_HOST_DEVICE constexpr TensorView(Scalar* first, index_t rows, index_t columns) requires(Rank == 2)
      : TensorView(first, rows, columns, columns) {}

  /// A matrix whose rows lie `row_stride` elements apart.
  SEQREC_HOST_DEVICE constexpr TensorView(Scalar* first, index_t rows, index_t columns,
                                          index_t row_stride) requires(Rank == 2)
      : data(first), extents{rows, columns}, stride(row_stride) {}

  /// A view of mutable elements is also a view of const ones.
  template <class Other>
  requires(std::is_same_v<const Other, Scalar>) SEQREC_HOST_DEVICE
      constexpr TensorView(const TensorView<Other, Rank, Space>& other)
      : data(other.data), stride(other.stride) {
    for (int axis = 0; axis < Rank; ++axis) extents[axis] = other.extents[axis];
  }

  SEQREC_HOST_DEVICE constexpr explicit operator bool() const { return data != nullptr; }

  SEQREC_HOST_DEVICE constexpr index_t size() const { return Rank == 1 ? extents[0] : extents[0] * extents[Rank - 1]; }
  SEQREC_HOST_DEVICE constexpr index_t rows() const { return extents[0]; }
  SEQREC_HOST_DEVICE constexpr index_t columns() const requires(Rank == 2) { return extents[1]; }

  SEQREC_HOST_DEVICE constexpr Scalar& operator()(index_t i) const requires(Rank == 1) { return data[i]; }
  SEQREC_HOST_DEVICE constexpr Scalar& operator()(index_t row, index_t column) const requires(Rank == 2) {
    return data[row * stride + column];
  }

  /// The first element of a row.
  SEQREC_HOST_DEVICE constexpr Scalar* row(index_t i) const { return data + i * stride; }

  /// Rows (or elements of a vector) first .. first+count-1.
  SEQREC_HOST_DEVICE constexpr TensorView row_range(index_t first, index_t count) const {
    TensorView part = *this;
    if (data != nullptr) part.data = data + first * stride;
    part.extents[0] = count;
    return part;
  }

  /// Columns first .. first+count-1 of every row.
  SEQREC_HOST_DEVICE constexpr TensorView column_range(index_t first, index_t count) const requires(Rank == 2) {
    TensorView part = *this;
    if (data != nullptr) part.data = data + first;
    part.extents[1] = count;
    return part;
  }
};

template <class Scalar, class Space>
using VectorView = TensorView<Scalar, 1, Space>;
template <class Scalar, class Space>
using MatrixView = TensorView<Scalar, 2, Space>;

// The views that an op over a context takes.
template <class Context>
using matrix_of = MatrixView<typename Context::Scalar, typename Context::Space>;
template <class Context>
using const_matrix_of = MatrixView<const typename Context::Scalar, typename Context::Space>;
template <class Context>
using vector_of = VectorView<typename Context::Scalar, typename Context::Space>;
template <class Context>
using const_vector_of = VectorView<const typename Context::Scalar, typename Context::Space>;
/// Parameters and the sums of their gradients (wider than Scalar under mixed precision).
template <class Context>
using master_matrix_of = MatrixView<typename Context::Master, typename Context::Space>;
template <class Context>
using master_vector_of = VectorView<typename Context::Master, typename Context::Space>;

/// A dense vector or matrix with its memory: moves, does not copy, never crosses an op boundary (its view does).
template <class Scalar, int Rank, class Space>
class Tensor {
  static_assert(std::is_trivially_copyable_v<Scalar>);

 public:
  using View = TensorView<Scalar, Rank, Space>;
  using ConstView = TensorView<const Scalar, Rank, Space>;

  Tensor() = default;
  explicit Tensor(index_t size) requires(Rank == 1) : view_(allocate(size), size) {}
  Tensor(index_t rows, index_t columns) requires(Rank == 2) : view_(allocate(rows * columns), rows, columns) {}
  Tensor(Tensor&& other) noexcept : view_(std::exchange(other.view_, View{})) {}
  Tensor& operator=(Tensor&& other) noexcept {
    std::swap(view_, other.view_);
    return *this;
  }
  Tensor(const Tensor&) = delete;
  Tensor& operator=(const Tensor&) = delete;
  ~Tensor() {
    if (view_.data != nullptr) Memory<Space>::release(view_.data, bytes());
  }

  View view() { return view_; }
  ConstView view() const { return view_; }
  index_t size() const { return view_.size(); }
  index_t rows() const { return view_.rows(); }
  index_t columns() const requires(Rank == 2) { return view_.columns(); }

  void copy_from_host(const Scalar* values) { Memory<Space>::copy_from_host(view_.data, values, bytes()); }
  void copy_to_host(Scalar* values) const { Memory<Space>::copy_to_host(values, view_.data, bytes()); }
  std::vector<Scalar> to_host() const {
    std::vector<Scalar> values(static_cast<std::size_t>(size()));
    copy_to_host(values.data());
    return values;
  }

 private:
  static Scalar* allocate(index_t size) {
    if (size == 0) return nullptr;
    const std::size_t bytes = static_cast<std::size_t>(size) * sizeof(Scalar);
    void* memory = Memory<Space>::allocate(bytes);
    Memory<Space>::clear(memory, bytes);
    return static_cast<Scalar*>(memory);
  }
  std::size_t bytes() const { return static_cast<std::size_t>(size()) * sizeof(Scalar); }

  View view_;
};

}  // namespace seqrec
