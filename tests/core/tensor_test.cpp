// SPDX-License-Identifier: Apache-2.0
#include "seqrec/core/tensor.hpp"

#include <cstdint>
#include <numeric>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/counting_space.hpp"

using namespace seqrec;
using seqrec_test::CountingSpace;

using Matrix = MatrixView<float, HostSpace>;
using ConstMatrix = MatrixView<const float, HostSpace>;
using Vector = VectorView<float, HostSpace>;

// passed by value to kernels
static_assert(std::is_trivially_copyable_v<Matrix> && std::is_trivially_copyable_v<Vector>);
static_assert(std::is_trivially_destructible_v<Matrix>);
// const may be added, nothing else may change
static_assert(std::is_convertible_v<Matrix, ConstMatrix> && !std::is_convertible_v<ConstMatrix, Matrix>);
static_assert(!std::is_convertible_v<Matrix, MatrixView<float, DeviceSpace>>);
static_assert(!std::is_convertible_v<Matrix, MatrixView<const double, HostSpace>>);
static_assert(!std::is_convertible_v<Vector, Matrix> && !std::is_convertible_v<Matrix, Vector>);
static_assert(!std::is_convertible_v<Matrix, bool>);  // only where a condition is asked for
static_assert(!std::is_constructible_v<Vector, float*, index_t, index_t>);
// owners move
static_assert(!std::is_copy_constructible_v<Tensor<float, 2, HostSpace>>);
static_assert(!std::is_copy_assignable_v<Tensor<float, 2, HostSpace>>);
static_assert(std::is_nothrow_move_constructible_v<Tensor<float, 2, HostSpace>>);
static_assert(std::is_nothrow_move_assignable_v<Tensor<float, 2, HostSpace>>);

namespace {

std::vector<float> counted(std::size_t size) {
  std::vector<float> values(size);
  std::iota(values.begin(), values.end(), 0.0f);
  return values;
}

}  // namespace

TEST_CASE("a matrix view indexes rows and columns", "[core]") {
  std::vector<float> values = counted(12);
  const Matrix matrix(values.data(), 3, 4);
  CHECK(matrix.rows() == 3);
  CHECK(matrix.columns() == 4);
  CHECK(matrix.size() == 12);
  CHECK(matrix.stride == 4);
  CHECK(matrix(2, 1) == 9);
  CHECK(matrix.row(1) == values.data() + 4);
  matrix(0, 3) = -1;
  CHECK(values[3] == -1);
}

TEST_CASE("ranges of rows and columns are views of the same memory", "[core]") {
  std::vector<float> values = counted(20);
  const Matrix matrix(values.data(), 4, 5);

  const Matrix rows = matrix.row_range(1, 2);
  CHECK(rows.rows() == 2);
  CHECK(rows.columns() == 5);
  CHECK(rows(1, 4) == 14);

  const Matrix columns = matrix.column_range(2, 3);
  CHECK(columns.rows() == 4);
  CHECK(columns.columns() == 3);
  CHECK(columns.stride == 5);
  CHECK(columns.size() == 12);
  CHECK(columns(3, 0) == 17);

  const Matrix block = matrix.column_range(1, 3).row_range(2, 2).column_range(1, 2);
  CHECK(block(0, 0) == 12);
  CHECK(block(1, 1) == 18);
  CHECK(block.row(1) == &matrix(3, 2));

  const Vector vector(values.data(), 20);
  CHECK(vector.row_range(5, 3)(2) == 7);
  CHECK(vector.row_range(5, 3).size() == 3);
  CHECK(vector.stride == 1);
}

TEST_CASE("a strided view has the elements of its columns", "[core]") {
  std::vector<float> values = counted(16);
  const Matrix padded(values.data(), 2, 3, 8);
  CHECK(padded.size() == 6);
  CHECK(padded(1, 2) == 10);
}

TEST_CASE("a null view has extents but no memory", "[core]") {
  const Matrix null(nullptr, 3, 4);
  CHECK_FALSE(null);
  CHECK(null.row_range(1, 2).data == nullptr);
  CHECK(null.row_range(1, 2).rows() == 2);
  CHECK(null.column_range(2, 2).data == nullptr);
  CHECK_FALSE(Matrix{});
  CHECK(Matrix{}.size() == 0);
  float value = 1;
  CHECK(Matrix(&value, 1, 1));
}

TEST_CASE("const is added with extents and stride kept", "[core]") {
  std::vector<float> values = counted(12);
  const ConstMatrix matrix = Matrix(values.data(), 3, 4).column_range(1, 2);
  CHECK(matrix.rows() == 3);
  CHECK(matrix.columns() == 2);
  CHECK(matrix.stride == 4);
  CHECK(matrix(2, 1) == 10);
}

TEST_CASE("a tensor starts as zeros on a cache line", "[core]") {
  const Tensor<double, 2, HostSpace> tensor(3, 5);
  CHECK(tensor.rows() == 3);
  CHECK(tensor.columns() == 5);
  CHECK(reinterpret_cast<std::uintptr_t>(tensor.view().data) % memory_alignment == 0);
  CHECK(tensor.to_host() == std::vector<double>(15, 0.0));
}

TEST_CASE("a tensor is filled from the host and read back", "[core]") {
  Tensor<float, 2, HostSpace> tensor(2, 3);
  const std::vector<float> values = counted(6);
  tensor.copy_from_host(values.data());
  CHECK(tensor.view()(1, 0) == 3);
  CHECK(tensor.to_host() == values);
}

TEST_CASE("a tensor moves its memory and releases it once", "[core]") {
  CountingSpace::allocations = CountingSpace::held = 0;
  {
    Tensor<int, 1, CountingSpace> first(10);
    first.view()(3) = 42;
    const int* memory = first.view().data;
    Tensor<int, 1, CountingSpace> second(std::move(first));
    CHECK(second.view().data == memory);
    CHECK(first.size() == 0);  // NOLINT(bugprone-use-after-move): moved-from is empty, by promise
    CHECK_FALSE(first.view());

    Tensor<int, 1, CountingSpace> third(5);
    third = std::move(second);
    CHECK(third.size() == 10);
    CHECK(third.view()(3) == 42);
    CHECK(CountingSpace::allocations == 2);
  }
  CHECK(CountingSpace::held == 0);
}

TEST_CASE("an empty tensor takes no memory", "[core]") {
  CountingSpace::allocations = 0;
  const Tensor<float, 2, CountingSpace> tensor(0, 8);
  CHECK(CountingSpace::allocations == 0);
  CHECK_FALSE(tensor.view());
  CHECK(tensor.columns() == 8);
  CHECK(tensor.to_host().empty());
}
