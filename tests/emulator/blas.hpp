// SPDX-License-Identifier: Apache-2.0
// The part of cuBLAS that seqrec uses, in plain loops: column-major, scalars on the host. (Loops are enough: they take
// 1 % of the time of emulated training.)
#pragma once

#include <bit>
#include <cstdint>
#include <string>

#include "emulator/runtime.hpp"

enum cublasStatus_t {
  CUBLAS_STATUS_SUCCESS = 0,
  CUBLAS_STATUS_NOT_INITIALIZED = 1,
  CUBLAS_STATUS_ALLOC_FAILED = 3,
  CUBLAS_STATUS_INVALID_VALUE = 7,
};
enum cublasOperation_t { CUBLAS_OP_N = 0, CUBLAS_OP_T = 1 };

enum cublasMath_t { CUBLAS_DEFAULT_MATH = 0, CUBLAS_TF32_TENSOR_OP_MATH = 3 };

struct EmulatedBlas {
  cudaStream_t stream = nullptr;
  cublasMath_t math = CUBLAS_DEFAULT_MATH;
};
using cublasHandle_t = EmulatedBlas*;

inline const char* cublasGetStatusName(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_ALLOC_FAILED:
      return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
  }
  return "unrecognized cuBLAS status";
}
inline const char* cublasGetStatusString(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "success";
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return "the library was not initialized";
    case CUBLAS_STATUS_ALLOC_FAILED:
      return "the resource allocation failed";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "an unsupported value or parameter was passed to the function";
  }
  return "unrecognized cuBLAS status";
}

inline cublasStatus_t cublasCreate(cublasHandle_t* handle) {
  *handle = new EmulatedBlas;
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasDestroy(cublasHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  handle->stream = stream;
  return CUBLAS_STATUS_SUCCESS;
}

inline cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t math) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  handle->math = math;
  return CUBLAS_STATUS_SUCCESS;
}

namespace emulator {

/// What a watched build asks of a matrix that is read.
template <class Scalar>
void require_defined(const char* name, const Scalar* matrix, int rows, int columns, int leading) {
  for (int column = 0; column < columns && rows > 0; ++column)
    if (!watch::is_defined(matrix + static_cast<std::ptrdiff_t>(column) * leading,
                           sizeof(Scalar) * static_cast<std::size_t>(rows)))
      throw KernelError("emulator: cuBLAS reads device memory that nobody wrote: column " + std::to_string(column) +
                        " of the matrix " + name);
}

/// What a tensor core reads of a float: 10 bits of its fraction, rounded to the nearest.
inline float as_tf32(float value) {
  std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7F800000u) == 0x7F800000u) return value;  // infinite, or not a number
  bits += 0x0FFFu + (bits >> 13 & 1u);
  return std::bit_cast<float>(bits & ~0x1FFFu);
}
inline double as_tf32(double value) { return value; }

/// C = alpha op(A) op(B) + beta C with C (m, n) and k products a sum. As in BLAS, C is not read where beta is 0.
template <class Scalar>
void multiply(bool tf32, bool transposed_a, bool transposed_b, int m, int n, int k, Scalar alpha, const Scalar* a,
              int lda, const Scalar* b, int ldb, Scalar beta, Scalar* c, int ldc) {
  const auto at = [](int row, int column, int leading) { return static_cast<std::ptrdiff_t>(column) * leading + row; };
  if constexpr (watch::on) {
    require_defined("A", a, transposed_a ? k : m, transposed_a ? m : k, lda);
    require_defined("B", b, transposed_b ? n : k, transposed_b ? k : n, ldb);
    if (beta != Scalar{0}) require_defined("C", c, m, n, ldc);
  }
  const auto read = [&](Scalar value) { return tf32 ? as_tf32(value) : value; };
  for (int column = 0; column < n; ++column) {
    for (int row = 0; row < m; ++row) {
      Scalar sum = 0;
      for (int i = 0; i < k; ++i)
        sum += read(a[transposed_a ? at(i, row, lda) : at(row, i, lda)]) *
               read(b[transposed_b ? at(column, i, ldb) : at(i, column, ldb)]);
      Scalar& target = c[at(row, column, ldc)];
      target = beta == Scalar{0} ? alpha * sum : alpha * sum + beta * target;
    }
  }
}

/// The same in the handle's stream.
template <class Scalar>
cublasStatus_t gemm(cublasHandle_t handle, cublasOperation_t operation_a, cublasOperation_t operation_b, int m, int n,
                    int k, const Scalar* alpha, const Scalar* a, int lda, const Scalar* b, int ldb, const Scalar* beta,
                    Scalar* c, int ldc) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  const bool transposed_a = operation_a == CUBLAS_OP_T, transposed_b = operation_b == CUBLAS_OP_T;
  const auto too_short = [](int leading, int rows) { return leading < (rows > 1 ? rows : 1); };
  if (m < 0 || n < 0 || k < 0 || too_short(lda, transposed_a ? k : m) || too_short(ldb, transposed_b ? n : k) ||
      too_short(ldc, m) || alpha == nullptr || beta == nullptr)
    return CUBLAS_STATUS_INVALID_VALUE;
  // The scalars are read now, the matrices when the stream's turn comes.
  const bool tf32 = handle->math == CUBLAS_TF32_TENSOR_OP_MATH;
  streams().give(handle->stream, [=, alpha = *alpha, beta = *beta] {
    multiply(tf32, transposed_a, transposed_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  });
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace emulator

inline cublasStatus_t cublasSgemm(cublasHandle_t handle, cublasOperation_t operation_a, cublasOperation_t operation_b,
                                  int m, int n, int k, const float* alpha, const float* a, int lda, const float* b,
                                  int ldb, const float* beta, float* c, int ldc) {
  return emulator::gemm(handle, operation_a, operation_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
inline cublasStatus_t cublasDgemm(cublasHandle_t handle, cublasOperation_t operation_a, cublasOperation_t operation_b,
                                  int m, int n, int k, const double* alpha, const double* a, int lda, const double* b,
                                  int ldb, const double* beta, double* c, int ldc) {
  return emulator::gemm(handle, operation_a, operation_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
