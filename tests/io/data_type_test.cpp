// SPDX-License-Identifier: Apache-2.0
#include "seqrec/io/data_type.hpp"

#include <cstdint>

#include "support/catch.hpp"

using namespace seqrec;

static_assert(data_type_of<float>() == DataType::f32 && size_of(DataType::f32) == sizeof(float));
static_assert(data_type_of<double>() == DataType::f64 && size_of(DataType::f64) == sizeof(double));
static_assert(data_type_of<item_t>() == DataType::i32 && size_of(DataType::i32) == sizeof(item_t));
static_assert(data_type_of<std::uint8_t>() == DataType::u8 && size_of(DataType::u8) == 1);
static_assert(data_type_of<bool>() == DataType::boolean && size_of(DataType::boolean) == 1);

TEST_CASE("data types have the names of safetensors headers", "[io]") {
  CHECK(name_of(DataType::f32) == "F32");
  CHECK(name_of(DataType::bf16) == "BF16");
  CHECK(name_of(DataType::boolean) == "BOOL");
  CHECK(size_of(DataType::bf16) == 2);
  CHECK(size_of(DataType::u64) == 8);
  for (const char* name : {"F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL"}) {
    const auto type = data_type_named(name);
    REQUIRE(type.has_value());
    CHECK(name_of(*type) == name);
  }
  for (const char* name : {"", "f32", "F32 ", "FLOAT", "F8_E4M3", "C64"})
    CHECK_FALSE(data_type_named(name).has_value());
}
