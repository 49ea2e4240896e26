// SPDX-License-Identifier: Apache-2.0
// How much memory loading takes: what the file is worth, whatever it promises.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "seqrec/cpu.hpp"
#include "seqrec/io/checkpoint.hpp"
#include "seqrec/models/avg_pool.hpp"
#include "seqrec/models/sasrec.hpp"
#include "support/catch.hpp"
#include "support/counting_new.hpp"
#include "support/temporary_directory.hpp"

using namespace seqrec;
using seqrec_test::TemporaryDirectory;
using Model = SasRec<cpu::Context>;

namespace {

/// The most bytes that action() had allocated at once, as a multiple of the file's.
template <class Action>
double memory_per_byte(const std::filesystem::path& file, Action&& action) {
  const std::size_t before = seqrec_test::allocated;
  seqrec_test::most_allocated = before;
  action();
  return static_cast<double>(seqrec_test::most_allocated - before) /
         static_cast<double>(std::filesystem::file_size(file));
}

/// A short text that no other number has.
std::string key(std::size_t number) {
  std::string text;
  do text += static_cast<char>('a' + number % 26);
  while ((number /= 26) != 0);
  return text;
}

/// A file of nothing but a header of some 300 kB: `begin`, part(0), part(1), ..., `end`.
void write_header(const std::filesystem::path& path, const std::string& begin,
                  const std::function<std::string(std::size_t)>& part, const std::string& end) {
  std::string header = begin;
  for (std::size_t i = 0; header.size() < 300'000; ++i) header += part(i);
  header += end;
  const std::uint64_t size = header.size();
  std::string bytes(sizeof size, '\0');
  std::memcpy(bytes.data(), &size, sizeof size);
  seqrec_test::write_file(path, bytes + header);
}

}  // namespace

TEST_CASE("no memory is taken for a model before its shapes are those of the file", "[io]") {
  const TemporaryDirectory directory;
  const auto path = directory / "model.safetensors";
  const Model model({.items = 5000, .width = 64, .blocks = 0, .max_length = 2});
  save(path, model);
  seqrec_test::largest_allocation = 0;
  CHECK(load<Model>(path).num_items() == 5000);
  CHECK(seqrec_test::largest_allocation >= 5000 * 64 * sizeof(float));  // it is measured
  for (const char* const items : {"2147483647", "5001"}) {
    SafetensorsFile file(path);
    auto metadata = file.metadata();
    metadata.at("option.items") = items;
    std::vector<TensorSource> tensors;
    std::vector<std::vector<float>> values;
    for (const StoredTensor& tensor : file.tensors()) {
      values.push_back(file.read<float>(tensor.name));
      tensors.push_back({tensor.name, tensor.type, tensor.shape, values.back().data()});
    }
    write_safetensors(directory / "hostile.safetensors", metadata, tensors);
    seqrec_test::largest_allocation = 0;
    CHECK_THAT(seqrec_test::message_of<DataError>([&] { load<Model>(directory / "hostile.safetensors"); }),
               ContainsSubstring(concatenate("shape is '[5000,64]', expected [", items, ",64]")));
    CHECK(seqrec_test::largest_allocation < 64 * 1024);
  }
}

TEST_CASE("a header takes memory by its size, whatever it consists of", "[io][errors]") {
  const TemporaryDirectory directory;
  const auto path = directory / "hostile.safetensors";
  const auto check = [&](const std::string& begin, const std::function<std::string(std::size_t)>& part,
                         const std::string& end) {
    CAPTURE(begin);
    write_header(path, begin, part, end);
    const double times = memory_per_byte(path, [&] {
      try {
        const SafetensorsFile file(path);
        read_names(file);
      } catch (const DataError& error) {
        CHECK(std::string(error.what()).size() < 500);
      }
    });
    CHECK(times < 16);
  };
  const auto zeros = [](std::size_t) { return ",0"; };
  check(
      "{\"__metadata__\":{\"\":\"\"", [](std::size_t i) { return ",\"" + key(i) + "\":\"\""; }, "}}");
  check(
      "{\"__metadata__\":{\"a\":\"", [](std::size_t) { return "x"; }, "\"}}");
  check(
      "{\"__metadata__\":{\"a\":\"", [](std::size_t) { return "\\u0041"; }, "\"}}");
  check(
      "{\"__metadata__\":{\"seqrec.item_ids_hash\":\"x\",\"seqrec.item_ids\":\"",
      [](std::size_t i) { return key(i) + "\\n"; }, "\"}}");
  check("{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,0],\"shape\":[0", zeros, "]}}");
  check("{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0", zeros, "]}}");
  check(
      "{\"a", [](std::size_t) { return "a"; }, "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}");
  check(
      "{\"\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}",
      [](std::size_t i) { return ",\"" + key(i) + "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}"; }, "}");
  check(
      "{\"a\":", [](std::size_t) { return "["; }, "");
  check(
      "{\"a\":", [](std::size_t) { return "{\"shape\":"; }, "");
  check(
      "", [](std::size_t) { return "{"; }, "");
}

TEST_CASE("a list of options as long as a file costs one exception", "[io][errors]") {
  const TemporaryDirectory directory;
  const auto path = directory / "model.safetensors";
  std::map<std::string, std::string> metadata{{"seqrec.model", "AvgPool"}};
  write_options(metadata, "option.", AvgPoolOptions{.items = 3});
  metadata["option.width"] = std::string(300'000, '1');
  write_safetensors(path, metadata, {});
  CHECK(memory_per_byte(path, [&] {
          CHECK(seqrec_test::message_of<DataError>([&] { load<AvgPool<cpu::Context>>(path); }).size() < 500);
        }) < 16);
}

TEST_CASE("a model is loaded in the memory of two", "[io]") {
  const TemporaryDirectory directory;
  const auto path = directory / "model.safetensors";
  save(path, Model({.items = 5000, .width = 32, .blocks = 1}));
  CHECK(memory_per_byte(path, [&] { load<Model>(path); }) < 2.5);
  CHECK(memory_per_byte(path, [&] { load<SasRec<cpu::BasicContext<double>>>(path); }) < 5);
}
