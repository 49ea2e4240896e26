// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "seqrec/core/errors.hpp"
#include "seqrec/cuda/device.cuh"

namespace seqrec {

/// A call into CUDA or cuBLAS failed; the message holds the call, its file and line, and the library's own words.
/// A kernel that fails on the device is reported by a later call: run with CUDA_LAUNCH_BLOCKING=1 to learn which it
/// was.
struct CudaError : Error {
  using Error::Error;
};

/// There is no CUDA device that this process may use.
struct NoDeviceError : CudaError {
  using CudaError::CudaError;
};

/// The CUDA driver is missing, or older than the runtime that the program was built with; the message names both
/// versions.
struct DriverError : CudaError {
  using CudaError::CudaError;
};

/// The device has too little free memory. Where seqrec asked, the message says for how much, how much it holds, and how
/// much the device has.
struct DeviceMemoryError : CudaError {
  using CudaError::CudaError;
};

namespace cuda {

/// The message of a CudaError.
inline std::string failed_call(const char* call, const char* file, int line, const char* name, const char* words) {
  return concatenate(call, " failed at ", file, ":", line, ": ", name, " (", words, ")");
}

/// The same of a status of the runtime, which forgets it: or the next launch would report it again.
inline std::string failed_call(const char* call, const char* file, int line, cudaError_t status) {
  static_cast<void>(cudaGetLastError());
  return failed_call(call, file, line, cudaGetErrorName(status), cudaGetErrorString(status));
}

namespace detail {

/// The driver that there is and the one that is needed, in words. Both can be asked for without a device.
inline std::string drivers_in_words() {
  const auto in_words = [](int version) { return concatenate("CUDA ", version / 1000, ".", version % 1000 / 10); };
  int driver = 0, runtime = 0;
  static_cast<void>(cudaDriverGetVersion(&driver));
  static_cast<void>(cudaRuntimeGetVersion(&runtime));
  const std::string found =
      driver == 0 ? "no CUDA driver is installed" : "the driver is for " + in_words(driver) + " at most";
  return found + ", expected one for " + in_words(runtime) + ", with which the program was built, or newer";
}

}  // namespace detail

/// @throws CudaError unless `status` is cudaSuccess: NoDeviceError, DriverError or DeviceMemoryError where it says so
inline void check(cudaError_t status, const char* call, const char* file, int line) {
  if (status == cudaSuccess) return;
  const std::string message = failed_call(call, file, line, status);
  if (status == cudaErrorNoDevice)
    throw NoDeviceError(message + "; expected a CUDA device that CUDA_VISIBLE_DEVICES does not hide");
  if (status == cudaErrorInsufficientDriver || status == cudaErrorUnsupportedPtxVersion)
    throw DriverError(concatenate(message, "; ", detail::drivers_in_words()));
  if (status == cudaErrorMemoryAllocation) throw DeviceMemoryError(message);
  throw CudaError(message);
}

}  // namespace cuda
}  // namespace seqrec

/// Throws CudaError unless a call returns success. For every status type that has an overload of seqrec::cuda::check.
/// A macro, because only a macro can repeat the call in the message.
#define SEQREC_CUDA_CHECK(call) ::seqrec::cuda::check((call), #call, __FILE__, __LINE__)
