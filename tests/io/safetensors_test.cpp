// SPDX-License-Identifier: Apache-2.0
#include "seqrec/io/safetensors.hpp"

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using namespace std::string_literals;
using seqrec_test::message_of;
using seqrec_test::read_file;
using seqrec_test::TemporaryDirectory;
using seqrec_test::write_file;

namespace {

const std::map<std::string, std::string> example_metadata = {{"format", "pt"}, {"options", "{\"width\": 50}\n"}};
const std::vector<double> moments = {1.5, -0.0, std::numeric_limits<double>::denorm_min()};
const std::vector<float> weights = {1, 2, 3, 4, 5, -6.5f};
const std::vector<std::int32_t> offsets = {0, -7};

std::vector<TensorSource> example_tensors() {
  return {{"moments", DataType::f64, {3}, moments.data()},
          {"blocks.0.weight", DataType::f32, {2, 3}, weights.data()},
          {"offsets", DataType::i32, {2, 1, 1}, offsets.data()},
          {"empty", DataType::f32, {0, 3}, nullptr}};
}

/// A file's bytes: the header's length as said, the header, the data.
std::string file_bytes(std::uint64_t header_size, const std::string& header, const std::string& data) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &header_size, 8);
  return bytes + header + data;
}

std::string error_of_file(const std::string& bytes) {
  const TemporaryDirectory directory;
  write_file(directory / "m.safetensors", bytes);
  std::string message = message_of<DataError>([&] { SafetensorsFile file(directory / "m.safetensors"); });
  CHECK_THAT(message, ContainsSubstring((directory / "m.safetensors").string()));
  return message;
}

}  // namespace

TEST_CASE("tensors and metadata survive a round trip", "[io]") {
  const TemporaryDirectory directory;
  const auto path = directory / "model.safetensors";
  write_safetensors(path, example_metadata, example_tensors());

  SafetensorsFile file(path);
  CHECK(file.path() == path);
  CHECK(file.metadata() == example_metadata);
  REQUIRE(file.tensors().size() == 4);
  CHECK(file.tensors()[1].name == "blocks.0.weight");
  CHECK(file.tensors()[1].shape == std::vector<index_t>{2, 3});
  CHECK(file.read<float>("blocks.0.weight") == weights);  // in any order
  CHECK(file.read<std::int32_t>("offsets") == offsets);
  CHECK(file.read<float>("empty").empty());
  const std::vector<double> read_moments = file.read<double>("moments");
  REQUIRE(read_moments.size() == moments.size());
  // -0 and denormals too   NOLINTNEXTLINE(bugprone-suspicious-memory-comparison)
  CHECK(std::memcmp(read_moments.data(), moments.data(), 3 * sizeof(double)) == 0);

  CHECK(file.find("absent") == nullptr);
  CHECK(file.find("offsets") == &file.tensors()[2]);
  CHECK(directory.entries() == 1);
}

TEST_CASE("equal content is equal bytes, and elements are aligned", "[io]") {
  const TemporaryDirectory directory;
  write_safetensors(directory / "a", example_metadata, example_tensors());
  write_safetensors(directory / "b", example_metadata, example_tensors());
  const std::string bytes = read_file(directory / "a");
  CHECK(bytes == read_file(directory / "b"));
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, bytes.data(), 8);
  CHECK(header_size % 8 == 0);
  CHECK(bytes.size() == 8 + header_size + 3 * 8 + 6 * 4 + 2 * 4);
}

TEST_CASE("a file without tensors or metadata is one", "[io]") {
  const TemporaryDirectory directory;
  write_safetensors(directory / "empty", {}, {});
  CHECK(read_file(directory / "empty") == "\x08\0\0\0\0\0\0\0{}      "s);
  const SafetensorsFile file(directory / "empty");
  CHECK(file.tensors().empty());
  CHECK(file.metadata().empty());
}

TEST_CASE("a file replaces the one before it", "[io]") {
  const TemporaryDirectory directory;
  write_safetensors(directory / "m", {}, example_tensors());
  write_safetensors(directory / "m", {{"epoch", "2"}}, {});
  CHECK(SafetensorsFile(directory / "m").metadata().at("epoch") == "2");
}

TEST_CASE("a tensor that is not the one required is an error", "[io][errors]") {
  const TemporaryDirectory directory;
  const auto path = directory / "m.safetensors";
  write_safetensors(path, {}, example_tensors());
  SafetensorsFile file(path);
  const std::vector<index_t> right = {2, 3}, transposed = {3, 2}, flat = {6};

  CHECK(&file.require("blocks.0.weight", DataType::f32, right) == file.find("blocks.0.weight"));
  CHECK(message_of<DataError>([&] { file.require("blocks.0.weight", DataType::f32, transposed); }) ==
        path.string() + ": tensor 'blocks.0.weight': shape is '[2,3]', expected [3,2]");
  CHECK_THROWS_AS(file.require("blocks.0.weight", DataType::f32, flat), DataError);
  CHECK(message_of<DataError>([&] { file.require("blocks.0.weight", DataType::f64, right); }) ==
        path.string() + ": tensor 'blocks.0.weight': dtype is F32, expected F64");
  CHECK(message_of<DataError>([&] { file.read<float>("bias"); }) == path.string() + ": tensor 'bias' is missing");
  CHECK_THROWS_AS(file.read<double>("blocks.0.weight"), DataError);

  float values[6];
  CHECK_THAT(message_of<ArgumentError>([&] { file.read(file.tensors()[1], values, 20); }),
             ContainsSubstring("has 20 bytes, expected 24"));
}

TEST_CASE("files that are none: missing, directory, too short", "[io][errors]") {
  const TemporaryDirectory directory;
  CHECK_THAT(message_of<DataError>([&] { SafetensorsFile file(directory / "absent"); }),
             ContainsSubstring("absent: cannot be opened: No such file"));
  CHECK_THAT(message_of<DataError>([&] { SafetensorsFile file(directory.path()); }),
             ContainsSubstring("cannot be opened: Is a directory"));
  CHECK_THAT(error_of_file(""), ContainsSubstring("has 0 bytes, expected at least 8"));
  CHECK_THAT(error_of_file("1234567"), ContainsSubstring("has 7 bytes"));
  CHECK_THAT(error_of_file("PK\x03\x04 a zip archive, as of torch.save"), ContainsSubstring("header length is"));
}

TEST_CASE("header lengths beyond the file or all bounds take no memory", "[io][errors]") {
  for (const std::uint64_t length :
       {std::uint64_t{3}, std::uint64_t{1} << 32, std::uint64_t{1} << 63, std::numeric_limits<std::uint64_t>::max(),
        std::numeric_limits<std::uint64_t>::max() - 7})
    CHECK_THAT(error_of_file(file_bytes(length, "{}", "")),
               ContainsSubstring("header length is " + std::to_string(length) + ", expected at most 2"));
  CHECK_THAT(error_of_file(file_bytes(0, "", "")), ContainsSubstring("expected '{'"));
  CHECK_THAT(error_of_file(file_bytes(1, "{}", "")), ContainsSubstring("found the end"));

  const TemporaryDirectory directory;  // a sparse file that is long enough for the length it gives
  write_file(directory / "big", file_bytes(max_safetensors_header + 1, "{}", ""));
  std::filesystem::resize_file(directory / "big", 200'000'000);
  CHECK_THAT(message_of<DataError>([&] { SafetensorsFile file(directory / "big"); }),
             ContainsSubstring("expected at most 100000000"));
}

TEST_CASE("every cut and every extra byte is noticed", "[io][errors]") {
  const TemporaryDirectory directory;
  write_safetensors(directory / "m", example_metadata, example_tensors());
  const std::string bytes = read_file(directory / "m");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    write_file(directory / "cut", bytes.substr(0, size));
    CHECK_THROWS_AS(SafetensorsFile(directory / "cut"), DataError);
  }
  write_file(directory / "long", bytes + '\0');
  CHECK_THAT(message_of<DataError>([&] { SafetensorsFile file(directory / "long"); }),
             ContainsSubstring("57 bytes follow the header, expected 56"));
}

TEST_CASE("a file cut after it was opened is an error, not garbage", "[io][errors]") {
  const TemporaryDirectory directory;
  write_safetensors(directory / "m", {}, example_tensors());
  SafetensorsFile file(directory / "m");
  std::filesystem::resize_file(directory / "m", 100);
  CHECK_THAT(message_of<DataError>([&] { file.read<std::int32_t>("offsets"); }), ContainsSubstring("cannot be read"));
}

TEST_CASE("a file with flipped bytes is read or refused, never anything else", "[io][errors]") {
  const TemporaryDirectory directory;
  write_safetensors(directory / "m", example_metadata, example_tensors());
  const std::string original = read_file(directory / "m");
  const std::size_t data_bytes = 56;
  std::mt19937 random(1);
  int refused = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = original;
    const std::size_t changes = 1 + random() % 3;
    for (std::size_t change = 0; change < changes; ++change) {
      char& byte = bytes[random() % (bytes.size() - data_bytes)];
      byte = random() % 2 ? static_cast<char>(random()) : "{}[]\",:0129\\u"[random() % 13];
    }
    write_file(directory / "flipped", bytes);
    try {
      SafetensorsFile file(directory / "flipped");
      for (const StoredTensor& tensor : file.tensors()) {
        std::vector<char> values(static_cast<std::size_t>(tensor.bytes()));
        file.read(tensor, values.data(), values.size());
      }
    } catch (const DataError&) {
      ++refused;
    }
  }
  CHECK(refused > 1000);
  CHECK(refused < 2000);  // some flips only rename a tensor
}

TEST_CASE("what cannot be written is refused before a file exists", "[io][errors]") {
  const TemporaryDirectory directory;
  const float value = 1;
  const auto error_of = [&](const std::vector<TensorSource>& tensors) {
    return message_of<ArgumentError>([&] { write_safetensors(directory / "m", {}, tensors); });
  };
  CHECK(error_of({{"w", DataType::f32, {1}, &value}, {"w", DataType::f32, {1}, &value}}) ==
        "write_safetensors: tensor 'w': the name is taken, expected one of its own");
  CHECK_THAT(error_of({{"__metadata__", DataType::f32, {1}, &value}}), ContainsSubstring("the name is taken"));
  CHECK(error_of({{"w", DataType::f32, {3, -1}, &value}}) ==
        "write_safetensors: tensor 'w': shape is [3,-1], expected that of an array");
  CHECK_THAT(error_of({{"w", DataType::f32, {index_t{1} << 62}, &value}}), ContainsSubstring("shape is"));
  CHECK(error_of({{"w", DataType::f32, {2, 3}, nullptr}}) ==
        "write_safetensors: tensor 'w': data is null, expected 24 bytes");
  CHECK_THROWS_AS(write_safetensors(directory / "m", {{"title", "Caf\xE9"}}, {}), ArgumentError);
  CHECK(directory.entries() == 0);
}

TEST_CASE("a file that cannot be written leaves what was there", "[io][errors]") {
  const TemporaryDirectory directory;
  CHECK_THAT(message_of<DataError>([&] { write_safetensors(directory / "absent/m", {}, example_tensors()); }),
             ContainsSubstring("absent/m: cannot be written"));
  std::filesystem::create_directory(directory / "taken");
  CHECK_THROWS_AS(write_safetensors(directory / "taken", {}, example_tensors()), DataError);
  CHECK(std::filesystem::is_directory(directory / "taken"));
  CHECK(directory.entries() == 1);
}
