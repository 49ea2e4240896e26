// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "seqrec/core/errors.hpp"
#include "seqrec/cuda/device.cuh"

namespace seqrec {

/// A call into CUDA or cuBLAS failed; the message holds the call, its file and line, and the library's own words.
/// A kernel that fails on the device is reported by a later call: run with CUDA_LAUNCH_BLOCKING=1 to learn which it
/// was.
struct CudaError : Error {
  using Error::Error;
};

namespace cuda {

/// The message of a CudaError.
inline std::string failed_call(const char* call, const char* file, int line, const char* name, const char* words) {
  return concatenate(call, " failed at ", file, ":", line, ": ", name, " (", words, ")");
}

/// @throws CudaError unless `status` is cudaSuccess
inline void check(cudaError_t status, const char* call, const char* file, int line) {
  if (status == cudaSuccess) return;
  // Takes the error out of the runtime, or the next launch would report it again.
  static_cast<void>(cudaGetLastError());
  throw CudaError(failed_call(call, file, line, cudaGetErrorName(status), cudaGetErrorString(status)));
}

}  // namespace cuda
}  // namespace seqrec

/// Throws CudaError unless a call returns success. For every status type that has an overload of seqrec::cuda::check.
/// A macro, because only a macro can repeat the call in the message.
#define SEQREC_CUDA_CHECK(call) ::seqrec::cuda::check((call), #call, __FILE__, __LINE__)
