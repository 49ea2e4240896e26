// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

// Accessors of views run on both sides of a CUDA launch; everywhere else this is nothing.
#ifdef __CUDACC__
#define SEQREC_HOST_DEVICE __host__ __device__
#else
#define SEQREC_HOST_DEVICE
#endif

// Before a template for both sides that is also run on types of the host alone, such as packs of numbers: nvcc would
// warn of each call that such a type could not make on a device, where it never is.
#ifdef __CUDACC__
#define SEQREC_HOST_TYPES_TOO _Pragma("nv_exec_check_disable")
#else
#define SEQREC_HOST_TYPES_TOO
#endif

namespace seqrec {

/// Extents, strides and loop counters: signed, as wide as a pointer.
using index_t = std::ptrdiff_t;

/// An item: a row of the item table, 0 .. V-1. There is no padding item.
using item_t = std::int32_t;

/// A category that a user or an item belongs to (gender, age group, genre, ...): a row of a category table. Users'
/// categories and items' are counted apart, each from 0.
using category_t = std::int32_t;

/// A user of a data set: a row of the users' profiles, 0 .. U-1.
using user_t = std::int32_t;

/// Where a segment of a jagged array starts; int32 on every backend.
using offset_t = std::int32_t;

/// Memory that the CPU reads and writes.
struct HostSpace {};

/// Memory of a CUDA device.
struct DeviceSpace {};

/// The type in which sums over elements of type Scalar are taken: double for double, float for all others.
template <class Scalar>
using accumulator_of = std::conditional_t<std::is_same_v<std::remove_const_t<Scalar>, double>, double, float>;

/// False for every type, but only once a template is instantiated: the condition of a static_assert that explains.
template <class...>
inline constexpr bool always_false = false;

/// The smallest multiple of `multiple` that is not below `value`.
SEQREC_HOST_DEVICE constexpr index_t round_up(index_t value, index_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace seqrec
