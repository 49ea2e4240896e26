// SPDX-License-Identifier: Apache-2.0
// The functions that CUDA gives to device code: barriers, warp operations, atomics, mathematics, shared memory.
#pragma once

#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "emulator/block.hpp"

// CUDA's names, which a C++ program may not take.
// NOLINTBEGIN(bugprone-reserved-identifier)

// --- barriers -----------------------------------------------------------------------------------------------------

inline void __syncthreads(emulator::Site site = {}) {
  emulator::Block::current().meet_block("__syncthreads", site, false);
}
inline int __syncthreads_count(int predicate, emulator::Site site = {}) {
  return emulator::Block::current().meet_block("__syncthreads_count", site, predicate != 0);
}
inline int __syncthreads_or(int predicate, emulator::Site site = {}) {
  return emulator::Block::current().meet_block("__syncthreads_or", site, predicate != 0) != 0;
}
inline int __syncthreads_and(int predicate, emulator::Site site = {}) {
  return emulator::Block::current().meet_block("__syncthreads_and", site, predicate == 0) == 0;
}
inline void __threadfence() { std::atomic_thread_fence(std::memory_order_seq_cst); }
inline void __threadfence_block() { std::atomic_thread_fence(std::memory_order_seq_cst); }

// --- warp operations ----------------------------------------------------------------------------------------------

inline void __syncwarp(unsigned mask = ~0u, emulator::Site site = {}) {
  emulator::Block::current().meet_warp("__syncwarp", site, mask, false);
}
inline unsigned __ballot_sync(unsigned mask, int predicate, emulator::Site site = {}) {
  return emulator::Block::current().meet_warp("__ballot_sync", site, mask, predicate != 0);
}
inline int __any_sync(unsigned mask, int predicate, emulator::Site site = {}) {
  return emulator::Block::current().meet_warp("__any_sync", site, mask, predicate != 0) != 0;
}
inline int __all_sync(unsigned mask, int predicate, emulator::Site site = {}) {
  return emulator::Block::current().meet_warp("__all_sync", site, mask, predicate == 0) == 0;
}

namespace emulator {

template <class T>
concept Shuffled = std::is_arithmetic_v<T> &&(sizeof(T) == 4 || sizeof(T) == 8);

template <Shuffled T>
T shuffle(const char* operation, Site site, unsigned mask, T value, int source) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = Block::current().exchange(operation, site, mask, bits, source);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// The first lane of the part of a warp, `width` lanes wide, that a lane belongs to.
inline int part_begin(int lane, int width) { return lane & ~(width - 1); }

}  // namespace emulator

// A lane whose source would lie outside its part of the warp keeps its own value (PTX ISA, shfl.sync).

template <emulator::Shuffled T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, emulator::Site site = {}) {
  const int begin = emulator::part_begin(emulator::Block::current().lane(), width);
  return emulator::shuffle("__shfl_sync", site, mask, value, begin + (source & (width - 1)));
}
template <emulator::Shuffled T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, emulator::Site site = {}) {
  const int lane = emulator::Block::current().lane(), source = lane - static_cast<int>(delta);
  return emulator::shuffle("__shfl_up_sync", site, mask, value,
                           source < emulator::part_begin(lane, width) ? lane : source);
}
template <emulator::Shuffled T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, emulator::Site site = {}) {
  const int lane = emulator::Block::current().lane(), source = lane + static_cast<int>(delta);
  return emulator::shuffle("__shfl_down_sync", site, mask, value,
                           source >= emulator::part_begin(lane, width) + width ? lane : source);
}
template <emulator::Shuffled T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32, emulator::Site site = {}) {
  const int lane = emulator::Block::current().lane(), source = lane ^ lane_mask;
  return emulator::shuffle("__shfl_xor_sync", site, mask, value,
                           source >= emulator::part_begin(lane, width) + width ? lane : source);
}

// --- atomics: relaxed, as on the device ---------------------------------------------------------------------------

namespace emulator {

template <class T, class... Allowed>
concept OneOf = (std::is_same_v<T, Allowed> || ...);
template <class T>
concept AtomicInteger = OneOf<T, int, unsigned, unsigned long long>;
template <class T>
concept AtomicNumber = AtomicInteger<T> || OneOf<T, float, double>;

template <class T, class Change>
T update(T* address, Change change) {
  std::atomic_ref<T> target(*address);
  T old = target.load(std::memory_order_relaxed);
  while (!target.compare_exchange_weak(old, change(old), std::memory_order_relaxed)) {
  }
  return old;
}

}  // namespace emulator

template <emulator::AtomicNumber T>
T atomicAdd(T* address, std::type_identity_t<T> value) {
  return emulator::update(address, [value](T old) { return static_cast<T>(old + value); });
}
template <emulator::AtomicInteger T>
T atomicMax(T* address, std::type_identity_t<T> value) {
  return emulator::update(address, [value](T old) { return old < value ? value : old; });
}
template <emulator::AtomicInteger T>
T atomicMin(T* address, std::type_identity_t<T> value) {
  return emulator::update(address, [value](T old) { return value < old ? value : old; });
}
template <emulator::AtomicInteger T>
T atomicOr(T* address, std::type_identity_t<T> value) {
  return emulator::update(address, [value](T old) { return static_cast<T>(old | value); });
}
template <class T>
requires(emulator::AtomicInteger<T> || std::is_same_v<T, float>) T
    atomicExch(T* address, std::type_identity_t<T> value) {
  return std::atomic_ref<T>(*address).exchange(value, std::memory_order_relaxed);
}
template <emulator::AtomicInteger T>
T atomicCAS(T* address, std::type_identity_t<T> expected, std::type_identity_t<T> desired) {
  std::atomic_ref<T>(*address).compare_exchange_strong(expected, desired, std::memory_order_relaxed);
  return expected;
}

// --- mathematics and loads ----------------------------------------------------------------------------------------

// fmaf, fmaxf, expf and their like are the C library's.
inline int __popc(unsigned bits) { return std::popcount(bits); }
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline double rsqrt(double x) { return 1.0 / std::sqrt(x); }
inline float __expf(float x) { return std::exp(x); }
inline float __logf(float x) { return std::log(x); }
inline float __fdividef(float x, float y) { return x / y; }

template <class T>
T __ldg(const T* address) {
  return *address;
}

// --- shared memory ------------------------------------------------------------------------------------------------

namespace emulator {

/// A `__shared__` array of fixed size that is undefined again in each block, and whose bounds are checked. Under nvcc
/// the same name is an ordinary array.
template <class T, int Size>
class SharedArray {
 public:
  SharedArray() { static_shared.push_back(&memory_); }
  SharedArray(const SharedArray&) = delete;
  SharedArray& operator=(const SharedArray&) = delete;

  template <class Index>
  requires(std::is_integral_v<Index>) T& operator[](Index i) {
    const auto index = static_cast<long long>(i);
    if (index < 0 || index >= Size)
      Block::current().fail("uses element " + std::to_string(index) + " of a shared_array of " + std::to_string(Size));
    return static_cast<T*>(*this)[index];
  }
  operator T*() { return reinterpret_cast<T*>(memory_.use()); }

 private:
  SharedMemory memory_{sizeof(T) * static_cast<std::size_t>(Size)};
};

}  // namespace emulator

// NOLINTEND(bugprone-reserved-identifier)
