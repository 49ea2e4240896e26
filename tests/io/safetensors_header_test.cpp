// SPDX-License-Identifier: Apache-2.0
#include "seqrec/io/safetensors_header.hpp"

#include <limits>
#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace seqrec;
using seqrec_test::message_of;

namespace {

SafetensorsHeader parse(const std::string& text, index_t data_bytes) {
  return parse_safetensors_header(text, data_bytes, "m.safetensors");
}

std::string error_of(const std::string& text, index_t data_bytes) {
  return message_of<DataError>([&] { parse(text, data_bytes); });
}

/// One F32 tensor named "w", its fields as given.
std::string one_tensor(const std::string& shape, const std::string& offsets) {
  return R"({"w":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

}  // namespace

TEST_CASE("a header is read with its metadata, tensors in the order of their bytes", "[io]") {
  const SafetensorsHeader header = parse(
      R"({"b":{"dtype":"I64","shape":[],"data_offsets":[24,32]},"__metadata__":{"format":"pt","note":"a\nb \u20ac"},)"
      R"("a":{"shape":[2,3],"data_offsets":[0,24],"dtype":"F32"},"none":{"dtype":"F32","shape":[0,4],)"
      R"("data_offsets":[24,24]}}      )",
      32);
  CHECK(header.metadata == std::map<std::string, std::string>{{"format", "pt"}, {"note", "a\nb \xE2\x82\xAC"}});
  REQUIRE(header.tensors.size() == 3);
  CHECK(header.tensors[0].name == "a");
  CHECK(header.tensors[0].type == DataType::f32);
  CHECK(header.tensors[0].shape == std::vector<index_t>{2, 3});
  CHECK(header.tensors[0].size() == 6);
  CHECK(header.tensors[1].name == "none");
  CHECK(header.tensors[1].size() == 0);
  CHECK(header.tensors[2].name == "b");
  CHECK(header.tensors[2].shape.empty());
  CHECK(header.tensors[2].size() == 1);
  CHECK(header.tensors[2].begin == 24);
  CHECK(parse("{}", 0).tensors.empty());
}

TEST_CASE("what is printed is read back", "[io]") {
  SafetensorsHeader header;
  header.metadata = {{"model", "sasrec"}, {"quote\"d", "line\n\x02\xF0\x9F\x8E\xAC"}};
  header.tensors = {{"item.weight", DataType::f32, {10, 4}, 0, 160}, {"steps", DataType::i64, {}, 160, 168}};
  const std::string text = print_safetensors_header(header);
  CHECK(text.size() % 8 == 0);
  CHECK(text.front() == '{');
  CHECK(text.substr(0, text.find_last_not_of(' ') + 1) ==
        "{\"__metadata__\":{\"model\":\"sasrec\",\"quote\\\"d\":\"line\\n\\u0002\xF0\x9F\x8E\xAC\"},"
        "\"item.weight\":{\"dtype\":\"F32\",\"shape\":[10,4],\"data_offsets\":[0,160]},"
        "\"steps\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[160,168]}}");
  const SafetensorsHeader again = parse(text, 168);
  CHECK(again.metadata == header.metadata);
  CHECK(print_safetensors_header(again) == text);
  CHECK(print_safetensors_header({}) == "{}      ");
}

TEST_CASE("tensor sizes are computed with overflow in mind", "[io]") {
  constexpr index_t largest = std::numeric_limits<index_t>::max();
  CHECK(tensor_bytes(DataType::f32, std::vector<index_t>{2, 3}) == 24);
  CHECK(tensor_bytes(DataType::f64, {}) == 8);
  CHECK(tensor_bytes(DataType::u8, std::vector<index_t>{largest}) == largest);
  CHECK(tensor_bytes(DataType::f16, std::vector<index_t>{largest, 0}) == std::nullopt);
  CHECK(tensor_bytes(DataType::f32, std::vector<index_t>{index_t{1} << 31, index_t{1} << 31}) == std::nullopt);
  CHECK(tensor_bytes(DataType::f32, std::vector<index_t>{2, -3}) == std::nullopt);
  CHECK(tensor_bytes(DataType::f32, std::vector<index_t>{0, 5}) == 0);
}

TEST_CASE("hostile headers: fields", "[io][errors]") {
  REQUIRE(parse(one_tensor("[2]", "[0,8]"), 8).tensors.size() == 1);  // what the cases below spoil

  CHECK_THAT(error_of(one_tensor("[-2]", "[0,8]"), 8), ContainsSubstring("found '-', expected a non-negative integer"));
  CHECK_THAT(error_of(one_tensor("[2.0]", "[0,8]"), 8), ContainsSubstring("found '.'"));
  CHECK_THAT(error_of(one_tensor("[99999999999999999999]", "[0,8]"), 8), ContainsSubstring("an integer of at most"));
  CHECK_THAT(error_of(one_tensor("2", "[0,8]"), 8), ContainsSubstring("found '2', expected an array"));
  CHECK_THAT(error_of(one_tensor("[3]", "[0,8]"), 8),
             ContainsSubstring("tensor 'w': data_offsets span 8 bytes, expected 12 for shape '[3]' of F32"));
  // 2^62 * 4 bytes and 2^32 * 2^32 elements both come out as 0 where products wrap around
  CHECK_THAT(error_of(one_tensor("[4611686018427387904]", "[0,0]"), 0), ContainsSubstring("64 bits"));
  CHECK_THAT(error_of(one_tensor("[4294967296,4294967296]", "[0,0]"), 0), ContainsSubstring("64 bits"));
  CHECK_THAT(error_of(one_tensor("[2]", "[8,0]"), 8), ContainsSubstring("data_offsets are '[8,0]'"));
  CHECK_THAT(error_of(one_tensor("[2]", "[0]"), 8), ContainsSubstring("expected [begin,end]"));
  CHECK_THAT(error_of(one_tensor("[2]", "[0,8,8]"), 8), ContainsSubstring("expected [begin,end]"));
  CHECK_THAT(error_of(one_tensor("[2]", "null"), 8), ContainsSubstring("expected an array"));
  CHECK_THAT(error_of(R"({"w":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}})", 8),
             ContainsSubstring("m.safetensors: header, byte 19: tensor 'w': dtype is 'F33', expected F64"));
  CHECK_THAT(error_of(R"({"w":{"dtype":4,"shape":[2],"data_offsets":[0,8]}})", 8), ContainsSubstring("a string"));
  CHECK_THAT(error_of(R"({"w":{"dtype":"F32","shape":[2]}})", 8), ContainsSubstring("a field is missing"));
  CHECK_THAT(error_of(R"({"w":{"shape":[2],"data_offsets":[0,8]}})", 8), ContainsSubstring("a field is missing"));
  CHECK_THAT(error_of(R"({"w":{"dtype":"F32","data_offsets":[0,8]}})", 8), ContainsSubstring("a field is missing"));
  CHECK_THAT(error_of(R"({"w":{"dtype":"F32","stride":[1],"shape":[2],"data_offsets":[0,8]}})", 8),
             ContainsSubstring("found field 'stride'"));
  CHECK_THAT(error_of(R"({"w":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8),
             ContainsSubstring("key 'dtype' occurs twice"));
  CHECK_THAT(error_of(R"({"w":[]})", 0), ContainsSubstring("expected an object"));
  CHECK_THAT(error_of(R"({"__metadata__":{"epoch":3}})", 0), ContainsSubstring("expected a string"));
  CHECK_THAT(error_of(R"({"__metadata__":{"a":"1","a":"2"}})", 0), ContainsSubstring("key 'a' occurs twice"));
  CHECK_THAT(error_of(R"({"__metadata__":null})", 0), ContainsSubstring("expected an object"));
}

TEST_CASE("hostile headers: text", "[io][errors]") {
  CHECK_THAT(error_of("", 0), ContainsSubstring("expected '{' at the start"));
  CHECK_THAT(error_of("[]", 0), ContainsSubstring("expected '{' at the start"));
  CHECK_THAT(error_of(" {}", 0), ContainsSubstring("expected '{' at the start"));
  CHECK_THAT(error_of("{", 0), ContainsSubstring("found the end"));
  CHECK_THAT(error_of("{}{}", 0), ContainsSubstring("expected the end"));
  CHECK_THAT(error_of(std::string("{}\0", 3), 0), ContainsSubstring("expected the end"));
  CHECK_THAT(error_of("{\"\xFF\":{}}", 0), ContainsSubstring("UTF-8"));
  CHECK_THAT(error_of("{\"__metadata__\":{\"a\":\"\xC0\x80\"}}", 0), ContainsSubstring("UTF-8"));
  CHECK_THAT(error_of("{\"__metadata__\":{\"a\":\"\\ud800\"}}", 0), ContainsSubstring("surrogate"));

  // a recursive reader would run out of stack
  for (const char* opening : {"[", "{\"a\":"}) {
    std::string deep = R"({"w":{"shape":)";
    for (int depth = 0; depth < 1'000'000; ++depth) deep += opening;
    CHECK_THROWS_AS(parse(deep, 0), DataError);
  }
}

TEST_CASE("hostile headers: tensors must tile the data", "[io][errors]") {
  const auto two = [](const std::string& first, const std::string& second) {
    return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + first +
           R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + second + "}}";
  };
  REQUIRE(parse(two("[0,4]", "[4,8]"), 8).tensors.size() == 2);
  REQUIRE(parse(two("[4,8]", "[0,4]"), 8).tensors[0].name == "b");

  CHECK(error_of(two("[0,4]", "[2,6]"), 8) ==
        "m.safetensors: tensor 'b': data_offsets begin at 2, expected 4 (tensors overlap)");
  CHECK_THAT(error_of(two("[0,4]", "[0,4]"), 4), ContainsSubstring("(tensors overlap)"));
  CHECK_THAT(error_of(two("[0,4]", "[5,9]"), 9), ContainsSubstring("begin at 5, expected 4 (a gap"));
  CHECK_THAT(error_of(two("[1,5]", "[5,9]"), 9), ContainsSubstring("begin at 1, expected 0 (a gap"));
  CHECK(error_of(two("[0,4]", "[4,8]"), 9) ==
        "m.safetensors: 9 bytes follow the header, expected 8 by its data_offsets");
  CHECK_THAT(error_of(two("[0,4]", "[4,8]"), 7), ContainsSubstring("7 bytes follow the header, expected 8"));
  CHECK_THAT(error_of("{}", 1), ContainsSubstring("1 bytes follow the header, expected 0"));
  CHECK_THAT(error_of(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                      R"("a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
                      8),
             ContainsSubstring("key 'a' occurs twice"));
  CHECK_THAT(error_of(one_tensor("[2305843009213693951]", "[0,9223372036854775804]"), 8),
             ContainsSubstring("8 bytes follow the header, expected 9223372036854775804"));
}
