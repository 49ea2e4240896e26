// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/blas.cuh"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cuda/device_support.hpp"

namespace {

using namespace seqrec_test;

/// A cuBLAS handle for the length of a test.
struct Handle {
  Handle() { SEQREC_CUDA_CHECK(cublasCreate(&handle)); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { cublasDestroy(handle); }
  cublasHandle_t handle = nullptr;
};

template <class Scalar>
std::vector<Scalar> numbers(std::size_t count, double seed) {
  std::vector<Scalar> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<Scalar>(std::sin(seed + static_cast<double>(i)));
  return values;
}

}  // namespace

TEMPLATE_TEST_CASE("products of any shape and transposition against loops", "[cuda]", float, double) {
  const Handle blas;
  const double tolerance = std::is_same_v<TestType, double> ? 1e-13 : 1e-5;
  struct Shape {
    int m, n, k, spare;  // spare: elements between two columns
  };
  for (const auto [m, n, k, spare] : {Shape{1, 1, 1, 0}, Shape{3, 5, 7, 2}, Shape{33, 2, 4, 0}, Shape{2, 17, 1, 3}}) {
    for (const bool transposed_a : {false, true}) {
      for (const bool transposed_b : {false, true}) {
        CAPTURE(m, n, k, spare, transposed_a, transposed_b);
        const int lda = (transposed_a ? k : m) + spare, ldb = (transposed_b ? n : k) + spare, ldc = m + spare;
        const auto size = [](int leading, int columns) {
          return static_cast<std::size_t>(leading) * static_cast<std::size_t>(columns);
        };
        const auto a = numbers<TestType>(size(lda, transposed_a ? m : k), 1);
        const auto b = numbers<TestType>(size(ldb, transposed_b ? k : n), 2);
        auto c = numbers<TestType>(size(ldc, n), 3);
        const auto device_a = to_device(a), device_b = to_device(b);
        auto device_c = to_device(c);
        SEQREC_CUDA_CHECK(seqrec::cuda::blas_gemm(blas.handle, transposed_a ? CUBLAS_OP_T : CUBLAS_OP_N,
                                                  transposed_b ? CUBLAS_OP_T : CUBLAS_OP_N, m, n, k, TestType{2},
                                                  device_a.view().data, lda, device_b.view().data, ldb, TestType{0.5},
                                                  device_c.view().data, ldc));
        const auto at = [](const std::vector<TestType>& matrix, int leading, int row, int column) {
          return static_cast<double>(matrix[static_cast<std::size_t>(column * leading + row)]);
        };
        const auto result = device_c.to_host();
        for (int column = 0; column < n; ++column) {
          for (int row = 0; row < ldc; ++row) {
            double expected = at(c, ldc, row, column);
            if (row < m) {
              expected *= 0.5;
              for (int i = 0; i < k; ++i)
                expected += 2 * (transposed_a ? at(a, lda, i, row) : at(a, lda, row, i)) *
                            (transposed_b ? at(b, ldb, column, i) : at(b, ldb, i, column));
            }
            REQUIRE(std::abs(at(result, ldc, row, column) - expected) <= tolerance);
          }
        }
      }
    }
  }
}

TEST_CASE("a product with beta 0 does not read its target", "[cuda]") {
  const Handle blas;
  const auto a = to_device<float>({1, 2}), b = to_device<float>({3, 4});
  auto c = to_device<float>({std::numeric_limits<float>::quiet_NaN()});
  SEQREC_CUDA_CHECK(seqrec::cuda::blas_gemm(blas.handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 2, 1.0f, a.view().data, 1,
                                            b.view().data, 2, 0.0f, c.view().data, 1));
  CHECK(c.to_host()[0] == 11);
}

TEST_CASE("a refused product throws with cuBLAS's words", "[cuda]") {
  const Handle blas;
  float* nothing = nullptr;
  const std::string message = message_of<seqrec::CudaError>([&] {
    SEQREC_CUDA_CHECK(seqrec::cuda::blas_gemm(blas.handle, CUBLAS_OP_N, CUBLAS_OP_N, -1, 1, 2, 1.0f, nothing, 1,
                                              nothing, 2, 0.0f, nothing, 1));
  });
  CHECK_THAT(message, ContainsSubstring("blas_test.cpp:") && ContainsSubstring("CUBLAS_STATUS_INVALID_VALUE"));
}

TEST_CASE("cuBLAS that gets no memory says so by the type of its error", "[cuda]") {
  const auto failing = [](cublasStatus_t status) { return [status] { SEQREC_CUDA_CHECK(status); }; };
  CHECK_THAT(message_of<seqrec::DeviceMemoryError>(failing(CUBLAS_STATUS_ALLOC_FAILED)),
             ContainsSubstring("CUBLAS_STATUS_ALLOC_FAILED"));
  CHECK_THAT(message_of<seqrec::CudaError>(failing(CUBLAS_STATUS_INVALID_VALUE)),
             ContainsSubstring("CUBLAS_STATUS_INVALID_VALUE"));
}
