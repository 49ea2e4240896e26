// SPDX-License-Identifier: Apache-2.0
// The emulated cuBLAS refuses what the real one does. (Its values are tested with cuda/blas.cuh, on both.)
#include "seqrec/cuda/blas.cuh"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/catch.hpp"

TEST_CASE("a product with impossible arguments is refused", "[emulator]") {
  cublasHandle_t handle = nullptr;
  REQUIRE(cublasCreate(&handle) == CUBLAS_STATUS_SUCCESS);
  const float one = 1, zero = 0;
  const std::vector<float> a(12, 1.0f), b(12, 1.0f);
  std::vector<float> c(16, -1.0f);
  const auto product = [&](cublasHandle_t with, cublasOperation_t operation_a, int m, int lda, int ldb, int ldc) {
    return cublasSgemm(with, operation_a, CUBLAS_OP_N, m, 4, 3, &one, a.data(), lda, b.data(), ldb, &zero, c.data(),
                       ldc);
  };
  CHECK(product(nullptr, CUBLAS_OP_N, 4, 4, 3, 4) == CUBLAS_STATUS_NOT_INITIALIZED);
  CHECK(product(handle, CUBLAS_OP_N, -1, 4, 3, 4) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(product(handle, CUBLAS_OP_N, 4, 3, 3, 4) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(product(handle, CUBLAS_OP_T, 4, 2, 3, 4) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(product(handle, CUBLAS_OP_N, 4, 4, 2, 4) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(product(handle, CUBLAS_OP_N, 4, 4, 3, 3) == CUBLAS_STATUS_INVALID_VALUE);
  CHECK(c == std::vector<float>(16, -1.0f));
  CHECK(product(handle, CUBLAS_OP_N, 4, 4, 3, 4) == CUBLAS_STATUS_SUCCESS);
  CHECK(c == std::vector<float>(16, 3.0f));
  CHECK(cublasDestroy(handle) == CUBLAS_STATUS_SUCCESS);
  CHECK(cublasSetStream(nullptr, nullptr) == CUBLAS_STATUS_NOT_INITIALIZED);
  CHECK(std::string(cublasGetStatusName(CUBLAS_STATUS_INVALID_VALUE)) == "CUBLAS_STATUS_INVALID_VALUE");
}

TEST_CASE("a tensor core reads 10 bits of a float's fraction", "[emulator]") {
  using emulator::as_tf32;
  CHECK(as_tf32(1.0f) == 1.0f);
  CHECK(as_tf32(1.0f + 0x1p-10f) == 1.0f + 0x1p-10f);
  CHECK(as_tf32(1.0f + 0x1p-11f) == 1.0f);  // half way: to even
  CHECK(as_tf32(1.0f + 0x1.8p-10f) == 1.0f + 0x1p-9f);
  CHECK(as_tf32(1.0f + 0x1.1p-11f) == 1.0f + 0x1p-10f);
  CHECK(as_tf32(-2.0f + 0x1p-20f) == -2.0f);
  CHECK(as_tf32(std::numeric_limits<float>::infinity()) == std::numeric_limits<float>::infinity());
  CHECK(std::isnan(as_tf32(std::numeric_limits<float>::quiet_NaN())));
  CHECK(as_tf32(0.1) == 0.1);
}
