// SPDX-License-Identifier: Apache-2.0
// The part of the CUDA runtime that seqrec uses, on host memory. Streams are queues (streams.hpp).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "emulator/block.hpp"
#include "emulator/machine.hpp"
#include "emulator/pinned.hpp"
#include "emulator/streams.hpp"

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorInvalidMemcpyDirection = 21,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorUnsupportedPtxVersion = 222,
  cudaErrorInvalidResourceHandle = 400,
  cudaErrorNotReady = 600,
  cudaErrorLaunchFailure = 719,
  cudaErrorNotSupported = 801,
};
enum cudaMemcpyKind {
  cudaMemcpyHostToHost,
  cudaMemcpyHostToDevice,
  cudaMemcpyDeviceToHost,
  cudaMemcpyDeviceToDevice,
  cudaMemcpyDefault,
};
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
enum cudaDeviceAttr { cudaDevAttrMaxSharedMemoryPerBlockOptin = 97, cudaDevAttrMemoryPoolsSupported = 115 };

inline constexpr unsigned cudaStreamDefault = 0, cudaStreamNonBlocking = 1;
inline constexpr unsigned cudaEventDefault = 0, cudaEventDisableTiming = 2;
inline constexpr unsigned cudaHostAllocDefault = 0;

using cudaStream_t = emulator::Stream*;
using cudaEvent_t = emulator::Event*;

namespace emulator {

/// What the emulated device can do: the smaller of what the GPUs that seqrec is built for (8.0 and 9.0) can.
inline constexpr std::size_t shared_bytes_by_default = 48 << 10;
inline constexpr std::size_t shared_bytes_at_most = 163 << 10;

/// The last error of this system thread, until `cudaGetLastError` takes it.
inline constinit thread_local cudaError_t last_error = cudaSuccess;

inline cudaError_t result(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

/// What a call answers that needs a device and a driver, and whatever else it does.
inline cudaError_t device_status() {
  if (machine().driver_version < runtime_version) return result(cudaErrorInsufficientDriver);
  if (machine().devices == 0) return result(cudaErrorNoDevice);
  return cudaSuccess;
}

/// Knows which memory is the device's, so that a host pointer in a device pointer's place is an error here too.
class DeviceMemory {
 public:
  void* allocate(std::size_t bytes) {
    void* memory = nullptr;
    const std::lock_guard lock(mutex_);
    // 256 bytes is what cudaMalloc promises; the size stays exact, for the address sanitizer.
    if (bytes > free_bytes()) return nullptr;
    if constexpr (watch::on)
      memory = watch::allocate(bytes, watch::Place::device);
    else if (posix_memalign(&memory, 256, bytes) != 0)
      return nullptr;
    std::memset(memory, undefined_byte, bytes);
    blocks_[address(memory)] = bytes;
    held_ += bytes;
    return memory;
  }
  bool release(void* memory) {
    const std::lock_guard lock(mutex_);
    const auto block = blocks_.find(address(memory));
    if (block == blocks_.end()) return false;
    if constexpr (watch::on)
      watch::release(memory, block->second);
    else
      std::free(reinterpret_cast<void*>(block->first));  // NOLINT(performance-no-int-to-ptr)
    held_ -= block->second;
    blocks_.erase(block);
    return true;
  }
  std::size_t free() {
    const std::lock_guard lock(mutex_);
    return free_bytes();
  }
  /// Whether memory that was allocated begins there.
  bool begins(const void* memory) {
    const std::lock_guard lock(mutex_);
    return blocks_.contains(address(memory));
  }

  enum class Place { host, device, beyond };
  /// Where `bytes` bytes lie; `beyond` if they begin in a block of device memory and end outside of it.
  Place place_of(const void* memory, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    auto block = blocks_.upper_bound(address(memory));
    if (block == blocks_.begin()) return Place::host;
    --block;
    const std::uintptr_t offset = address(memory) - block->first;
    if (offset >= block->second) return Place::host;
    return bytes <= block->second - offset ? Place::device : Place::beyond;
  }

 private:
  static std::uintptr_t address(const void* memory) { return reinterpret_cast<std::uintptr_t>(memory); }
  std::size_t free_bytes() const { return machine().memory_bytes - std::min(held_, machine().memory_bytes); }

  std::mutex mutex_;
  std::map<std::uintptr_t, std::size_t> blocks_;
  std::size_t held_ = 0;
};

inline DeviceMemory& device_memory() {
  static DeviceMemory memory;
  return memory;
}

}  // namespace emulator

// --- errors -------------------------------------------------------------------------------------------------------

inline cudaError_t cudaGetLastError() {
  const cudaError_t error = emulator::last_error;
  emulator::last_error = cudaSuccess;
  return error;
}
inline cudaError_t cudaPeekAtLastError() { return emulator::last_error; }

inline const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorInvalidValue:
      return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidConfiguration:
      return "cudaErrorInvalidConfiguration";
    case cudaErrorInvalidMemcpyDirection:
      return "cudaErrorInvalidMemcpyDirection";
    case cudaErrorInsufficientDriver:
      return "cudaErrorInsufficientDriver";
    case cudaErrorNoDevice:
      return "cudaErrorNoDevice";
    case cudaErrorUnsupportedPtxVersion:
      return "cudaErrorUnsupportedPtxVersion";
    case cudaErrorInvalidResourceHandle:
      return "cudaErrorInvalidResourceHandle";
    case cudaErrorNotReady:
      return "cudaErrorNotReady";
    case cudaErrorNotSupported:
      return "cudaErrorNotSupported";
    case cudaErrorLaunchFailure:
      return "cudaErrorLaunchFailure";
  }
  return "unrecognized error code";
}
inline const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInvalidValue:
      return "invalid argument";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInvalidConfiguration:
      return "invalid configuration argument";
    case cudaErrorInvalidMemcpyDirection:
      return "invalid copy direction for memcpy";
    case cudaErrorInsufficientDriver:
      return "CUDA driver version is insufficient for CUDA runtime version";
    case cudaErrorNoDevice:
      return "no CUDA-capable device is detected";
    case cudaErrorUnsupportedPtxVersion:
      return "the provided PTX was compiled with an unsupported toolchain.";
    case cudaErrorInvalidResourceHandle:
      return "invalid resource handle";
    case cudaErrorNotReady:
      return "device not ready";
    case cudaErrorNotSupported:
      return "operation not supported";
    case cudaErrorLaunchFailure:
      return "unspecified launch failure";
  }
  return "unrecognized error code";
}

// --- memory -------------------------------------------------------------------------------------------------------

template <class T>
cudaError_t cudaMalloc(T** memory, std::size_t bytes) {
  *memory = nullptr;
  if (const cudaError_t error = emulator::device_status(); error != cudaSuccess) return error;
  if (bytes == 0) return cudaSuccess;
  *memory = static_cast<T*>(emulator::device_memory().allocate(bytes));
  return emulator::result(*memory == nullptr ? cudaErrorMemoryAllocation : cudaSuccess);
}

/// Waits for the device. What failed meanwhile is thrown at whoever waits next.
inline cudaError_t cudaFree(void* memory) {
  const bool settled = emulator::streams().settle();
  if (memory != nullptr && !emulator::device_memory().release(memory)) return emulator::result(cudaErrorInvalidValue);
  return emulator::result(settled ? cudaSuccess : cudaErrorLaunchFailure);
}

/// Memory in the order of a stream. It lies where no other does until the stream has come to its release, so that a
/// kernel of another stream that uses it afterwards is found as one that uses freed memory.
template <class T>
cudaError_t cudaMallocAsync(T** memory, std::size_t bytes, cudaStream_t stream) {
  *memory = nullptr;
  if (const cudaError_t error = emulator::device_status(); error != cudaSuccess) return error;
  if (!emulator::machine().has_memory_pools) return emulator::result(cudaErrorNotSupported);
  if (!emulator::streams().exists(stream)) return emulator::result(cudaErrorInvalidResourceHandle);
  if (bytes == 0) return cudaSuccess;
  *memory = static_cast<T*>(emulator::device_memory().allocate(bytes));
  if (*memory == nullptr) {  // what streams are still to give back
    static_cast<void>(emulator::streams().settle());
    *memory = static_cast<T*>(emulator::device_memory().allocate(bytes));
  }
  return emulator::result(*memory == nullptr ? cudaErrorMemoryAllocation : cudaSuccess);
}
inline cudaError_t cudaFreeAsync(void* memory, cudaStream_t stream) {
  if (!emulator::streams().exists(stream)) return emulator::result(cudaErrorInvalidResourceHandle);
  if (memory == nullptr || !emulator::device_memory().begins(memory)) return emulator::result(cudaErrorInvalidValue);
  emulator::streams().give(stream, [memory] { emulator::device_memory().release(memory); });
  return cudaSuccess;
}

template <class T>
cudaError_t cudaHostAlloc(T** memory, std::size_t bytes, unsigned) {
  *memory = nullptr;
  if (bytes == 0) return cudaSuccess;
  *memory = static_cast<T*>(emulator::pinned_memory().allocate(bytes));
  return emulator::result(*memory == nullptr ? cudaErrorMemoryAllocation : cudaSuccess);
}
template <class T>
cudaError_t cudaMallocHost(T** memory, std::size_t bytes, unsigned flags = cudaHostAllocDefault) {
  return cudaHostAlloc(memory, bytes, flags);
}
/// Waits for the device, as cudaFree does.
inline cudaError_t cudaFreeHost(void* memory) {
  const bool settled = emulator::streams().settle();
  if (memory != nullptr && !emulator::pinned_memory().release(memory)) return emulator::result(cudaErrorInvalidValue);
  return emulator::result(settled ? cudaSuccess : cudaErrorLaunchFailure);
}

namespace emulator {

/// What the runtime says to a copy between such memories.
inline cudaError_t check_copy(DeviceMemory::Place to, DeviceMemory::Place from, cudaMemcpyKind kind) {
  using Place = DeviceMemory::Place;
  if (to == Place::beyond || from == Place::beyond) return cudaErrorInvalidValue;
  if (kind == cudaMemcpyDefault) return cudaSuccess;
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  const bool agrees = to_device == (to == Place::device) && from_device == (from == Place::device);
  return agrees ? cudaSuccess : cudaErrorInvalidValue;
}

inline void copy_bytes(void* target, const void* source, std::size_t bytes) {
  std::memmove(target, source, bytes);
  if constexpr (watch::on) watch::copy_state(target, source, bytes);
}

/// Puts memory into a state, in the order of a stream.
inline cudaError_t fill(void* memory, int value, std::size_t bytes, cudaStream_t stream, bool is_defined) {
  if (bytes == 0) return cudaSuccess;
  if (device_memory().place_of(memory, bytes) != DeviceMemory::Place::device) return result(cudaErrorInvalidValue);
  if (!streams().exists(stream)) return result(cudaErrorInvalidResourceHandle);
  streams().give(stream, [=] {
    std::memset(memory, value, bytes);
    if constexpr (watch::on) is_defined ? watch::define(memory, bytes) : watch::undefine(memory, bytes);
  });
  return cudaSuccess;
}

/// Makes memory of the device undefined, as it was when it was allocated.
inline void forget(void* memory, std::size_t bytes, cudaStream_t stream) {
  static_cast<void>(fill(memory, undefined_byte, bytes, stream, false));
}

}  // namespace emulator

/// The device reads and writes pinned memory when its turn comes. Of pageable memory it has a copy at once, and to such
/// memory the host waits for it.
inline cudaError_t cudaMemcpyAsync(void* target, const void* source, std::size_t bytes, cudaMemcpyKind kind,
                                   cudaStream_t stream = nullptr) {
  using Place = emulator::DeviceMemory::Place;
  if (bytes == 0) return cudaSuccess;
  const Place to = emulator::device_memory().place_of(target, bytes);
  const Place from = emulator::device_memory().place_of(source, bytes);
  if (const cudaError_t error = emulator::check_copy(to, from, kind); error != cudaSuccess)
    return emulator::result(error);
  if (!emulator::streams().exists(stream)) return emulator::result(cudaErrorInvalidResourceHandle);
  const auto pageable = [bytes](Place place, const void* memory) {
    return place == Place::host && !emulator::pinned_memory().holds(memory, bytes);
  };
  if (pageable(from, source)) {
    const auto* const first = static_cast<const std::byte*>(source);
    const auto aside = std::make_shared<const std::vector<std::byte>>(first, first + bytes);
    emulator::streams().give(stream, [=] { emulator::copy_bytes(target, aside->data(), bytes); });
  } else {
    emulator::streams().give(stream, [=] { emulator::copy_bytes(target, source, bytes); });
  }
  if (pageable(to, target)) emulator::streams().wait_for(stream);
  return cudaSuccess;
}
inline cudaError_t cudaMemcpy(void* target, const void* source, std::size_t bytes, cudaMemcpyKind kind) {
  return cudaMemcpyAsync(target, source, bytes, kind, nullptr);
}

inline cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t stream = nullptr) {
  return emulator::fill(memory, value, bytes, stream, true);
}
inline cudaError_t cudaMemset(void* memory, int value, std::size_t bytes) {
  return cudaMemsetAsync(memory, value, bytes);
}

// --- the device ---------------------------------------------------------------------------------------------------

inline cudaError_t cudaDriverGetVersion(int* version) {
  *version = emulator::machine().driver_version;
  return cudaSuccess;
}
inline cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = emulator::runtime_version;
  return cudaSuccess;
}
inline cudaError_t cudaGetDevice(int* device) {
  if (const cudaError_t error = emulator::device_status(); error != cudaSuccess) return error;
  *device = 0;
  return cudaSuccess;
}
inline cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  if (device != 0) return emulator::result(cudaErrorInvalidValue);
  switch (attribute) {
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = static_cast<int>(emulator::shared_bytes_at_most);
      return cudaSuccess;
    case cudaDevAttrMemoryPoolsSupported:
      *value = emulator::machine().has_memory_pools ? 1 : 0;
      return cudaSuccess;
  }
  return emulator::result(cudaErrorInvalidValue);
}

inline cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  if (const cudaError_t error = emulator::device_status(); error != cudaSuccess) return error;
  *free = emulator::device_memory().free();
  *total = emulator::machine().memory_bytes;
  return cudaSuccess;
}

// --- streams, events, functions -----------------------------------------------------------------------------------

inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  if (const cudaError_t error = emulator::device_status(); error != cudaSuccess) return error;
  *stream = emulator::streams().create(flags != cudaStreamNonBlocking);
  return cudaSuccess;
}
inline cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}
inline cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return emulator::result(emulator::streams().destroy(stream) ? cudaSuccess : cudaErrorInvalidResourceHandle);
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (!emulator::streams().exists(stream)) return emulator::result(cudaErrorInvalidResourceHandle);
  emulator::streams().wait_for(stream);
  return cudaSuccess;
}
inline cudaError_t cudaDeviceSynchronize() {
  emulator::streams().wait_for_everything();
  return cudaSuccess;
}

inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new emulator::Event;
  return cudaSuccess;  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks): it is the caller's
}
inline cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }
inline cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
inline cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream = nullptr) {
  if (!emulator::streams().exists(stream)) return emulator::result(cudaErrorInvalidResourceHandle);
  emulator::streams().record(*event, stream);
  return cudaSuccess;
}
inline cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  emulator::streams().wait_for(*event);
  return cudaSuccess;
}
/// Not the runtime's last error where it is not reached yet: nothing has failed.
inline cudaError_t cudaEventQuery(cudaEvent_t event) {
  return emulator::streams().is_reached(*event) ? cudaSuccess : cudaErrorNotReady;
}
inline cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned = 0) {
  if (!emulator::streams().exists(stream)) return emulator::result(cudaErrorInvalidResourceHandle);
  emulator::streams().wait_in(stream, *event);
  return cudaSuccess;
}

namespace emulator {

/// How much dynamic shared memory each kernel may ask for, where that is not the default.
inline std::size_t& shared_bytes_allowed(const void* kernel) {
  static std::mutex mutex;
  static std::map<const void*, std::size_t> limits;
  const std::lock_guard lock(mutex);
  return limits.try_emplace(kernel, shared_bytes_by_default).first->second;
}

}  // namespace emulator

template <class... Parameters>
cudaError_t cudaFuncSetAttribute(void (*kernel)(Parameters...), cudaFuncAttribute, int value) {
  if (value < 0 || static_cast<std::size_t>(value) > emulator::shared_bytes_at_most)
    return emulator::result(cudaErrorInvalidValue);
  emulator::shared_bytes_allowed(reinterpret_cast<const void*>(kernel)) = static_cast<std::size_t>(value);
  return cudaSuccess;
}
