// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/core/utf8.hpp"
#include "seqrec/io/data_type.hpp"
#include "seqrec/io/json.hpp"

namespace seqrec {

/// One tensor of a safetensors file, as the header describes it.
struct StoredTensor {
  std::string name;
  DataType type = DataType::f32;
  std::vector<index_t> shape;  ///< empty for a single number
  index_t begin = 0;           ///< its first byte, counted from the end of the header
  index_t end = 0;             ///< one past its last byte

  index_t bytes() const { return end - begin; }
  index_t size() const { return bytes() / size_of(type); }  ///< elements
};

/// The header of a safetensors file (https://github.com/huggingface/safetensors): a JSON object that maps each tensor's
/// name to {"dtype", "shape", "data_offsets": [begin, end]} and "__metadata__", if it is there, to an object of
/// strings.
struct SafetensorsHeader {
  std::map<std::string, std::string> metadata;
  std::vector<StoredTensor> tensors;  ///< in the order of their bytes
};

/// The shape as it stands in headers and messages, e.g. "[3416,50]".
inline std::string shape_text(std::span<const index_t> shape) {
  std::string text = "[";
  for (const index_t extent : shape) {
    if (text.size() > 1) text += ',';
    text += std::to_string(extent);
  }
  return text + ']';
}

/// The bytes of a dense tensor; nothing if an extent is negative or the product more than an index holds.
inline std::optional<index_t> tensor_bytes(DataType type, std::span<const index_t> shape) {
  index_t bytes = size_of(type);
  for (const index_t extent : shape) {
    if (extent < 0 || (extent != 0 && bytes > std::numeric_limits<index_t>::max() / extent)) return std::nullopt;
    bytes *= extent;
  }
  return bytes;
}

namespace detail {

/// The value of one tensor's key, with everything checked that does not depend on other tensors.
inline StoredTensor parse_stored_tensor(JsonReader& json, const std::string& name) {
  const auto fail = [&](const auto&... problem) {
    json.fail(concatenate("tensor ", quote_bytes(name), ": ", problem...));
  };
  const auto integers = [&] {
    std::vector<index_t> values;
    json.array([&] { values.push_back(json.integer()); });
    return values;
  };
  std::optional<DataType> type;
  std::optional<std::vector<index_t>> shape, offsets;
  json.object([&](const std::string& field) {
    if (field == "shape") {
      shape = integers();
    } else if (field == "data_offsets") {
      offsets = integers();
    } else if (field == "dtype") {
      const std::string type_name = json.string();
      type = data_type_named(type_name);
      if (!type)
        fail("dtype is ", quote_bytes(type_name), ", expected F64, F32, F16, BF16, BOOL, or I or U with 8 .. 64");
    } else {
      fail("found field ", quote_bytes(field), ", expected dtype, shape and data_offsets");
    }
  });
  if (!type || !shape || !offsets) fail("a field is missing, expected dtype, shape and data_offsets");
  if (offsets->size() != 2 || offsets->front() > offsets->back())
    fail("data_offsets are ", quote_bytes(shape_text(*offsets)), ", expected [begin,end] with begin <= end");
  const std::string shown_shape = quote_bytes(shape_text(*shape));
  const std::optional<index_t> bytes = tensor_bytes(*type, *shape);
  if (!bytes) fail("shape is ", shown_shape, ", expected a size in bytes that 64 bits hold");
  StoredTensor tensor{name, *type, std::move(*shape), offsets->front(), offsets->back()};
  if (tensor.bytes() != *bytes)
    fail("data_offsets span ", tensor.bytes(), " bytes, expected ", *bytes, " for shape ", shown_shape, " of ",
         name_of(*type));
  return tensor;
}

}  // namespace detail

/// Reads a header and trusts nothing in it: syntax, fields, types, sizes, and that the tensors tile the data exactly.
/// @param text the header   @param data_bytes how many bytes follow it   @param source begins error messages
/// @throws DataError naming the source, the tensor or byte, what is there and what was expected
inline SafetensorsHeader parse_safetensors_header(std::string_view text, index_t data_bytes,
                                                  const std::string& source) {
  SafetensorsHeader header;
  JsonReader json(text, source + ": header");
  if (text.substr(0, 1) != "{") json.fail("expected '{' at the start");
  json.object([&](const std::string& name) {
    if (name == "__metadata__") {
      header.metadata = json.strings();
    } else {
      header.tensors.push_back(detail::parse_stored_tensor(json, name));
    }
  });
  json.finish();

  std::stable_sort(header.tensors.begin(), header.tensors.end(), [](const StoredTensor& a, const StoredTensor& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  index_t expected = 0;
  for (const StoredTensor& tensor : header.tensors) {
    if (tensor.begin != expected)
      throw DataError(concatenate(source, ": tensor ", quote_bytes(tensor.name), ": data_offsets begin at ",
                                  tensor.begin, ", expected ", expected,
                                  tensor.begin < expected ? " (tensors overlap)" : " (a gap that no tensor fills)"));
    expected = tensor.end;
  }
  if (expected != data_bytes)
    throw DataError(
        concatenate(source, ": ", data_bytes, " bytes follow the header, expected ", expected, " by its data_offsets"));
  return header;
}

/// Writes a header, in the order given and padded with spaces to a multiple of eight bytes. Equal headers give equal
/// bytes.
/// @throws ArgumentError if a text is not UTF-8
inline std::string print_safetensors_header(const SafetensorsHeader& header) {
  const auto append = [](std::string& object, const std::string& key, const std::string& value) {
    if (object.size() > 1) object += ',';
    object += quote_json(key) + ':' + value;
  };
  std::string text = "{";
  if (!header.metadata.empty()) {
    std::string metadata = "{";
    for (const auto& [key, value] : header.metadata) append(metadata, key, quote_json(value));
    append(text, "__metadata__", metadata + '}');
  }
  for (const StoredTensor& tensor : header.tensors)
    append(text, tensor.name,
           concatenate("{\"dtype\":\"", name_of(tensor.type), "\",\"shape\":", shape_text(tensor.shape),
                       ",\"data_offsets\":[", tensor.begin, ',', tensor.end, "]}"));
  text += '}';
  text.resize(static_cast<std::size_t>(round_up(static_cast<index_t>(text.size()), 8)), ' ');
  return text;
}

}  // namespace seqrec
