// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/core/utf8.hpp"
#include "seqrec/io/data_type.hpp"
#include "seqrec/io/safetensors.hpp"

namespace seqrec {

/// What becomes of stored doubles that are to be floats: an error, or the nearest floats.
enum class Precision { exact, rounded };

/// IEEE 754 binary16 and bfloat16, as a float that holds them exactly.   @param bits of the number
inline float float_of_f16(std::uint16_t bits) {
  const auto sign = static_cast<std::uint32_t>(bits & 0x8000) << 16;
  const std::uint32_t exponent = bits >> 10 & 31u, fraction = bits & 1023u;
  if (exponent == 0) return std::copysign(static_cast<float>(fraction) * 0x1p-24F, std::bit_cast<float>(sign));
  return std::bit_cast<float>(sign | (exponent == 31 ? 255u : exponent + 112u) << 23 | fraction << 13);
}
inline float float_of_bf16(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

/// The first number that is NaN or above a limit, by its place: "[3,5] is nan"; empty where there is none.
/// @param shape  of the values, which are row-major   @param largest  magnitude; infinity lets infinities pass
template <class Scalar>
std::string first_bad_number(std::span<const Scalar> values, std::span<const index_t> shape,
                             Scalar largest = std::numeric_limits<Scalar>::max()) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::abs(values[i]) <= largest) continue;
    std::vector<index_t> place(shape.size());
    auto rest = static_cast<index_t>(i);
    for (std::size_t axis = shape.size(); axis-- > 0; rest /= shape[axis]) place[axis] = rest % shape[axis];
    return concatenate(shape_text(place), " is ", values[i]);
  }
  return {};
}

/// Requires a tensor of real numbers that Scalar, float or double, holds exactly: of its type or a narrower one (as
/// PyTorch writes with model.half() or model.bfloat16()).
/// @throws DataError naming file, tensor and what differs
template <class Scalar>
const StoredTensor& require_real(const SafetensorsFile& file, std::string_view name, std::span<const index_t> shape,
                                 Precision precision = Precision::exact) {
  constexpr bool wide = std::is_same_v<Scalar, double>;
  const auto fail = [&](const std::string& problem) {
    throw DataError(concatenate(file.path().string(), ": tensor ", quote_bytes(name), ": ", problem));
  };
  const StoredTensor* const tensor = file.find(name);
  if (tensor == nullptr)
    throw DataError(concatenate(file.path().string(), ": tensor ", quote_bytes(name), " is missing"));
  const DataType type = tensor->type;
  if (type == DataType::f64 && !wide && precision == Precision::exact)
    fail(
        "dtype is F64, expected F32, F16 or BF16: floats do not hold doubles exactly; load a model of doubles "
        "(BasicContext<double>), or say Precision::rounded");
  if (type != DataType::f64 && type != DataType::f32 && type != DataType::f16 && type != DataType::bf16)
    fail(concatenate("dtype is ", name_of(type), ", expected ", wide ? "F64, F32" : "F32", ", F16 or BF16"));
  return file.require(name, type, shape);
}

/// Copies a tensor that require_real let pass, and checks every number.
/// @param target   (tensor.size()) host memory
/// @throws DataError naming file, tensor, index and value of the first number that is not finite, or that Scalar does
/// not
///         hold
template <class Scalar>
void read_real(SafetensorsFile& file, const StoredTensor& tensor, Scalar* target) {
  const auto count = static_cast<std::size_t>(tensor.size()), bytes = static_cast<std::size_t>(tensor.bytes());
  const auto check = [&](const std::string& bad, const char* expected) {
    if (!bad.empty())
      throw DataError(concatenate(file.path().string(), ": tensor ", quote_bytes(tensor.name), ": element ", bad,
                                  ", expected ", expected));
  };
  if (tensor.type == DataType::f64 && !std::is_same_v<Scalar, double>) {
    const std::vector<double> doubles = file.read<double>(tensor.name);
    const std::span<const double> numbers(doubles);
    check(first_bad_number(numbers, tensor.shape), "a finite number");
    check(first_bad_number<double>(numbers, tensor.shape, static_cast<double>(std::numeric_limits<Scalar>::max())),
          "a number that a float holds");
    for (std::size_t i = 0; i < count; ++i) target[i] = static_cast<Scalar>(doubles[i]);
    return;
  }
  // Narrower numbers are read into the end of the target and widened from its front: no write overtakes what is unread.
  auto* const narrow = reinterpret_cast<std::byte*>(target) + (count * sizeof(Scalar) - bytes);
  file.read(tensor, narrow, bytes);
  const auto widen = [&](auto number, const auto& convert) {
    for (std::size_t i = 0; i < count; ++i) {
      std::memcpy(&number, narrow + i * sizeof number, sizeof number);
      target[i] = static_cast<Scalar>(convert(number));
    }
  };
  if (tensor.type == DataType::f16)
    widen(std::uint16_t(), float_of_f16);
  else if (tensor.type == DataType::bf16)
    widen(std::uint16_t(), float_of_bf16);
  else if (tensor.type != data_type_of<Scalar>())
    widen(float(), [](float number) { return number; });
  check(first_bad_number(std::span<const Scalar>(target, count), tensor.shape), "a finite number");
}

}  // namespace seqrec
