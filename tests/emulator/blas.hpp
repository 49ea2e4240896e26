// SPDX-License-Identifier: Apache-2.0
// The part of cuBLAS that seqrec uses, in plain loops: column-major, scalars on the host.
#pragma once

#include "emulator/runtime.hpp"

enum cublasStatus_t {
  CUBLAS_STATUS_SUCCESS = 0,
  CUBLAS_STATUS_NOT_INITIALIZED = 1,
  CUBLAS_STATUS_ALLOC_FAILED = 3,
  CUBLAS_STATUS_INVALID_VALUE = 7,
};
enum cublasOperation_t { CUBLAS_OP_N = 0, CUBLAS_OP_T = 1 };

struct EmulatedBlas {
  cudaStream_t stream = nullptr;
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

namespace emulator {

/// C = alpha op(A) op(B) + beta C with C (m, n) and k products a sum. As in BLAS, C is not read where beta is 0.
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
  const auto at = [](int row, int column, int leading) { return static_cast<std::ptrdiff_t>(column) * leading + row; };
  for (int column = 0; column < n; ++column) {
    for (int row = 0; row < m; ++row) {
      Scalar sum = 0;
      for (int i = 0; i < k; ++i)
        sum += a[transposed_a ? at(i, row, lda) : at(row, i, lda)] *
               b[transposed_b ? at(column, i, ldb) : at(i, column, ldb)];
      Scalar& target = c[at(row, column, ldc)];
      target = *beta == Scalar{0} ? *alpha * sum : *alpha * sum + *beta * target;
    }
  }
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
