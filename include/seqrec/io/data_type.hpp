// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"

namespace seqrec {

/// What the elements of a stored tensor are.
enum class DataType { f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, boolean };

namespace detail {

struct DataTypeEntry {
  DataType type;
  std::string_view name;  ///< in a safetensors header
  index_t size;           ///< bytes of an element
};

inline constexpr DataTypeEntry data_types[] = {
    {DataType::f64, "F64", 8},     {DataType::f32, "F32", 4}, {DataType::f16, "F16", 2}, {DataType::bf16, "BF16", 2},
    {DataType::i64, "I64", 8},     {DataType::i32, "I32", 4}, {DataType::i16, "I16", 2}, {DataType::i8, "I8", 1},
    {DataType::u64, "U64", 8},     {DataType::u32, "U32", 4}, {DataType::u16, "U16", 2}, {DataType::u8, "U8", 1},
    {DataType::boolean, "BOOL", 1}};

constexpr const DataTypeEntry& entry_of(DataType type) {
  for (const DataTypeEntry& entry : data_types)
    if (entry.type == type) return entry;
  throw ArgumentError("data type is not in the table, expected a DataType");
}

}  // namespace detail

/// Its name in a safetensors header, e.g. "F32".
constexpr std::string_view name_of(DataType type) { return detail::entry_of(type).name; }

/// Bytes of one element.
constexpr index_t size_of(DataType type) { return detail::entry_of(type).size; }

/// The data type of that name, if there is one.
constexpr std::optional<DataType> data_type_named(std::string_view name) {
  for (const detail::DataTypeEntry& entry : detail::data_types)
    if (entry.name == name) return entry.type;
  return std::nullopt;
}

/// The data type of a C++ scalar.
template <class Scalar>
constexpr DataType data_type_of() {
  if constexpr (std::is_same_v<Scalar, bool>)
    return DataType::boolean;
  else if constexpr (std::is_same_v<Scalar, double>)
    return DataType::f64;
  else if constexpr (std::is_same_v<Scalar, float>)
    return DataType::f32;
  else if constexpr (std::is_same_v<Scalar, std::int64_t>)
    return DataType::i64;
  else if constexpr (std::is_same_v<Scalar, std::int32_t>)
    return DataType::i32;
  else if constexpr (std::is_same_v<Scalar, std::int16_t>)
    return DataType::i16;
  else if constexpr (std::is_same_v<Scalar, std::int8_t>)
    return DataType::i8;
  else if constexpr (std::is_same_v<Scalar, std::uint64_t>)
    return DataType::u64;
  else if constexpr (std::is_same_v<Scalar, std::uint32_t>)
    return DataType::u32;
  else if constexpr (std::is_same_v<Scalar, std::uint16_t>)
    return DataType::u16;
  else if constexpr (std::is_same_v<Scalar, std::uint8_t>)
    return DataType::u8;
  else
    static_assert(always_false<Scalar>, "seqrec: no stored data type for this scalar; name its DataType instead");
}

}  // namespace seqrec
