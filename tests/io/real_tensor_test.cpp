// SPDX-License-Identifier: Apache-2.0
#include "seqrec/io/real_tensor.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr float float_infinity = std::numeric_limits<float>::infinity();

/// A file with one tensor "w".
struct OneTensor {
  seqrec_test::TemporaryDirectory directory;
  std::string path = (directory / "w.safetensors").string();

  template <class Element>
  OneTensor(DataType type, const std::vector<index_t>& shape, const std::vector<Element>& elements) {
    const std::vector<TensorSource> tensors = {{"w", type, shape, elements.data()}};
    write_safetensors(path, {}, tensors);
  }
  template <class Scalar>
  std::vector<Scalar> read(const std::vector<index_t>& shape, Precision precision = Precision::exact) const {
    SafetensorsFile file(path);
    const StoredTensor& tensor = require_real<Scalar>(file, "w", shape, precision);
    std::vector<Scalar> values(static_cast<std::size_t>(tensor.size()));
    read_real(file, tensor, values.data());
    return values;
  }
  template <class Scalar>
  std::string message(const std::vector<index_t>& shape, Precision precision = Precision::exact) const {
    const std::string text = message_of<DataError>([&] { read<Scalar>(shape, precision); });
    REQUIRE(text.substr(0, path.size() + 2) == path + ": ");
    return text.substr(path.size() + 2);
  }
};

}  // namespace

TEST_CASE("halves are the floats of the standard", "[io]") {
  // Number, binary16, bfloat16: 1/3 is rounded in both.
  CHECK(float_of_f16(0x3C00) == 1.0F);
  CHECK(float_of_f16(0xC000) == -2.0F);
  CHECK(float_of_f16(0x3555) == 0.333251953125F);
  CHECK(float_of_f16(0x7BFF) == 65504.0F);            // the largest
  CHECK(float_of_f16(0x0400) == 0x1p-14F);            // the smallest normal one
  CHECK(float_of_f16(0x03FF) == 1023.0F * 0x1p-24F);  // below it
  CHECK(float_of_f16(0x8001) == -0x1p-24F);
  CHECK(float_of_f16(0x7C00) == float_infinity);
  CHECK(float_of_f16(0xFC00) == -float_infinity);
  CHECK(std::isnan(float_of_f16(0x7E00)));
  CHECK((float_of_f16(0x8000) == 0 && std::signbit(float_of_f16(0x8000))));
  CHECK(float_of_bf16(0x3F80) == 1.0F);
  CHECK(float_of_bf16(0x3EAB) == 0.333984375F);
  CHECK(float_of_bf16(0x7F7F) == 3.3895313892515355e38F);
  CHECK(float_of_bf16(0xFF80) == -float_infinity);
}

TEST_CASE("every half is the number that its fields spell", "[io]") {
  for (std::uint32_t bits = 0; bits < 0x7C00; ++bits) {
    const int exponent = static_cast<int>(bits >> 10);
    const double fraction = static_cast<double>(bits & 1023);
    const double expected = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    if (static_cast<double>(float_of_f16(static_cast<std::uint16_t>(bits))) != expected) FAIL("binary16 " << bits);
    if (static_cast<double>(float_of_f16(static_cast<std::uint16_t>(bits | 0x8000))) != -expected)
      FAIL("negative binary16 " << bits);
  }
}

TEST_CASE("narrower numbers widen exactly", "[io]") {
  const std::vector<float> floats = {0.1F, -3.5F, 1e-40F, std::numeric_limits<float>::max(), 16777217.0F, -0.0F};
  const OneTensor stored(DataType::f32, {2, 3}, floats);
  CHECK(stored.read<double>({2, 3}) == std::vector<double>(floats.begin(), floats.end()));
  CHECK(stored.read<float>({2, 3}) == floats);

  const std::vector<std::uint16_t> halves = {0x3C00, 0xC000, 0x3555, 0x0001, 0x7BFF};
  const OneTensor f16(DataType::f16, {5}, halves);
  const std::vector<double> expected = {1, -2, 0.333251953125, 0x1p-24, 65504};
  CHECK(f16.read<double>({5}) == expected);
  CHECK(f16.read<float>({5}) == std::vector<float>(expected.begin(), expected.end()));
  const OneTensor bf16(DataType::bf16, {1, 2}, std::vector<std::uint16_t>{0x3EAB, 0xBF80});
  CHECK(bf16.read<float>({1, 2}) == std::vector<float>{0.333984375F, -1});
  CHECK(bf16.read<double>({1, 2}) == std::vector<double>{0.333984375, -1});
  CHECK(OneTensor(DataType::f32, {0, 4}, std::vector<float>()).read<double>({0, 4}).empty());
}

TEST_CASE("doubles are rounded to floats only if one says so", "[io][errors]") {
  const OneTensor stored(DataType::f64, {2}, std::vector<double>{0.1, -1e30});
  CHECK(stored.read<double>({2}) == std::vector<double>{0.1, -1e30});
  CHECK(stored.message<float>({2}) ==
        "tensor 'w': dtype is F64, expected F32, F16 or BF16: floats do not hold doubles exactly; load a model of "
        "doubles (BasicContext<double>), or say Precision::rounded");
  CHECK(stored.read<float>({2}, Precision::rounded) == std::vector<float>{0.1F, -1e30F});
  CHECK(OneTensor(DataType::f64, {2, 1}, std::vector<double>{1, -1e300}).message<float>({2, 1}, Precision::rounded) ==
        "tensor 'w': element [1,0] is -1e+300, expected a number that a float holds");
  CHECK(OneTensor(DataType::f64, {1}, std::vector<double>{infinity}).message<float>({1}, Precision::rounded) ==
        "tensor 'w': element [0] is inf, expected a finite number");
}

TEST_CASE("what is no real number, or has another shape, is named", "[io][errors]") {
  const OneTensor whole(DataType::i32, {2}, std::vector<std::int32_t>{1, 2});
  CHECK(whole.message<float>({2}) == "tensor 'w': dtype is I32, expected F32, F16 or BF16");
  CHECK(whole.message<double>({2}) == "tensor 'w': dtype is I32, expected F64, F32, F16 or BF16");
  const OneTensor stored(DataType::f32, {2}, std::vector<float>{1, 2});
  CHECK(stored.message<double>({2, 1}) == "tensor 'w': shape is '[2]', expected [2,1]");
  const SafetensorsFile file(stored.path);
  CHECK(message_of<DataError>([&] { require_real<float>(file, "v", {}); }) == stored.path + ": tensor 'v' is missing");
}

TEST_CASE("a number that is not finite is named with its place", "[io][errors]") {
  const float not_a_number = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> floats = {1, 2, 3, 4, 5, not_a_number};
  const OneTensor stored(DataType::f32, {2, 3}, floats);
  CHECK(stored.message<float>({2, 3}) == "tensor 'w': element [1,2] is nan, expected a finite number");
  CHECK(stored.message<double>({2, 3}) == "tensor 'w': element [1,2] is nan, expected a finite number");
  CHECK(OneTensor(DataType::f32, {}, std::vector<float>{-float_infinity}).message<float>({}) ==
        "tensor 'w': element [] is -inf, expected a finite number");
  CHECK(OneTensor(DataType::bf16, {2}, std::vector<std::uint16_t>{0, 0x7F80}).message<float>({2}) ==
        "tensor 'w': element [1] is inf, expected a finite number");
  CHECK(OneTensor(DataType::f64, {2, 1, 2}, std::vector<double>{0, 0, infinity, 0}).message<double>({2, 1, 2}) ==
        "tensor 'w': element [1,0,0] is inf, expected a finite number");
  const std::vector<index_t> shape = {6};
  const std::vector<float> infinite = {1, float_infinity};
  CHECK(first_bad_number<float>(infinite, shape, float_infinity).empty());
  CHECK(first_bad_number<float>(floats, shape, float_infinity) == "[5] is nan");
}
