// SPDX-License-Identifier: Apache-2.0
#include "seqrec/cuda/check.cuh"

#include <string>
#include <type_traits>
#include <typeinfo>

#include "cuda/device_support.hpp"

using seqrec::CudaError;
using seqrec_test::message_of;

TEST_CASE("a failed call throws with call, file, line and CUDA's words", "[cuda]") {
  void* memory = nullptr;
  const std::size_t too_much = std::size_t{1} << 50;
  const int line = __LINE__ + 2;
  const std::string message = message_of<seqrec::DeviceMemoryError>([&] {  //
    SEQREC_CUDA_CHECK(cudaMalloc(&memory, too_much));
  });
  CHECK_THAT(message, ContainsSubstring("cudaMalloc(&memory, too_much) failed at "));
  CHECK_THAT(message, ContainsSubstring("check_test.cpp:" + std::to_string(line) + ": "));
  CHECK_THAT(message, ContainsSubstring("cudaErrorMemoryAllocation (out of memory)"));
  CHECK(cudaGetLastError() == cudaSuccess);
  STATIC_REQUIRE(std::is_base_of_v<seqrec::Error, CudaError>);
}

TEST_CASE("a call that succeeds throws nothing", "[cuda]") {
  CHECK_NOTHROW(SEQREC_CUDA_CHECK(cudaDeviceSynchronize()));
}

TEST_CASE("other failures are a CudaError and nothing more special", "[cuda]") {
  float here = 0, there = 0;
  try {
    SEQREC_CUDA_CHECK(cudaMemcpy(&here, &there, sizeof here, cudaMemcpyDeviceToHost));
    FAIL("expected an exception");
  } catch (const CudaError& error) {
    CHECK(typeid(error) == typeid(CudaError));
    CHECK_THAT(error.what(), ContainsSubstring("cudaErrorInvalidValue"));
  }
}
