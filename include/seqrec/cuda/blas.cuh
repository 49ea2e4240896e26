// SPDX-License-Identifier: Apache-2.0
// The one place that decides what "cuBLAS" is: the toolkit's library, or the emulator's plain loops.
#pragma once

#include "seqrec/cuda/check.cuh"

#ifdef __CUDACC__
#include <cublas_v2.h>
#endif

namespace seqrec::cuda {

/// @throws CudaError unless `status` is CUBLAS_STATUS_SUCCESS: DeviceMemoryError where it says so
inline void check(cublasStatus_t status, const char* call, const char* file, int line) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  const std::string message = failed_call(call, file, line, cublasGetStatusName(status), cublasGetStatusString(status));
  if (status == CUBLAS_STATUS_ALLOC_FAILED) throw DeviceMemoryError(message);
  throw CudaError(message);
}

/// BLAS's matrix product under one name for both types: column-major C (m, n) = alpha op(A) op(B) + beta C, sums of k
/// products, scalars on the host.
inline cublasStatus_t blas_gemm(cublasHandle_t handle, cublasOperation_t operation_a, cublasOperation_t operation_b,
                                int m, int n, int k, const float& alpha, const float* a, int lda, const float* b,
                                int ldb, const float& beta, float* c, int ldc) {
  return cublasSgemm(handle, operation_a, operation_b, m, n, k, &alpha, a, lda, b, ldb, &beta, c, ldc);
}
inline cublasStatus_t blas_gemm(cublasHandle_t handle, cublasOperation_t operation_a, cublasOperation_t operation_b,
                                int m, int n, int k, const double& alpha, const double* a, int lda, const double* b,
                                int ldb, const double& beta, double* c, int ldc) {
  return cublasDgemm(handle, operation_a, operation_b, m, n, k, &alpha, a, lda, b, ldb, &beta, c, ldc);
}

}  // namespace seqrec::cuda
