// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "seqrec/core/atomic_file.hpp"
#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/core/utf8.hpp"
#include "seqrec/io/data_type.hpp"
#include "seqrec/io/json.hpp"
#include "seqrec/io/safetensors_header.hpp"

namespace seqrec {

// A safetensors file is the length of the header in eight little-endian bytes, the header, and the elements.
static_assert(std::endian::native == std::endian::little,
              "seqrec: safetensors files are little-endian and read as they are; on this machine swap the bytes here");

/// Longer headers are neither read nor written; the limit of the reference implementation.
inline constexpr std::uint64_t max_safetensors_header = 100'000'000;

/// A safetensors file opened for reading. The constructor reads the header only and checks every field of it against
/// the size of the file before memory is taken for a tensor, so a damaged or hostile file costs one exception.
class SafetensorsFile {
 public:
  /// @throws DataError naming the file, the tensor or byte, what is there and what was expected
  explicit SafetensorsFile(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  const std::map<std::string, std::string>& metadata() const { return header_.metadata; }

  /// In the order of their bytes.
  const std::vector<StoredTensor>& tensors() const { return header_.tensors; }

  /// The tensor of that name, or null.
  const StoredTensor* find(std::string_view name) const {
    const auto entry = index_.find(name);
    return entry == index_.end() ? nullptr : &header_.tensors[entry->second];
  }

  /// The tensor of that name, which must have that type and shape. To load nothing by halves, require every tensor
  /// before reading the first.
  /// @throws DataError if there is no such tensor, or naming what differs
  const StoredTensor& require(std::string_view name, DataType type, std::span<const index_t> shape) const;
  const StoredTensor& require(std::string_view name, DataType type) const;

  /// Copies a tensor's elements, row-major.
  /// @param tensor one of this file   @param target host memory   @param bytes of the target, equal to tensor.bytes()
  /// @throws ArgumentError on another number of bytes, DataError if the file was cut since it was opened
  void read(const StoredTensor& tensor, void* target, std::size_t bytes);

  /// The elements of a tensor, row-major.
  /// @throws DataError if there is no such tensor or its type is not Scalar
  template <class Scalar>
  std::vector<Scalar> read(std::string_view name) {
    const StoredTensor& tensor = require(name, data_type_of<Scalar>());
    std::vector<Scalar> values(static_cast<std::size_t>(tensor.size()));
    read(tensor, values.data(), values.size() * sizeof(Scalar));
    return values;
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const {
    throw DataError(concatenate(path_.string(), ": ", problem));
  }

  void read_at(std::uint64_t position, void* target, std::size_t bytes) {
    stream_.clear();
    stream_.seekg(static_cast<std::streamoff>(position));
    stream_.read(static_cast<char*>(target), static_cast<std::streamsize>(bytes));
    if (!stream_) fail(concatenate("cannot be read: expected ", bytes, " bytes at byte ", position));
  }

  std::filesystem::path path_;
  std::ifstream stream_;
  SafetensorsHeader header_;
  std::uint64_t first_byte_ = 0;                           ///< of the elements, in the file
  std::map<std::string, std::size_t, std::less<>> index_;  ///< name to position in header_.tensors
};

/// A tensor to be written.
struct TensorSource {
  std::string name;
  DataType type = DataType::f32;
  std::vector<index_t> shape;
  const void* data = nullptr;  ///< host memory, dense, row-major
};

/// Writes a safetensors file, whole or not at all (see AtomicFile), the tensors in the order given. Equal arguments
/// give equal bytes. The elements start at a multiple of eight bytes, so all are aligned if wider types come first.
/// @throws ArgumentError if a name is used twice or reserved, a shape impossible, data missing or a text not UTF-8
/// @throws DataError if the file cannot be written; what was at `path` is then still there
SEQREC_FUNCTION void write_safetensors(const std::filesystem::path& path,
                                       const std::map<std::string, std::string>& metadata,
                                       std::span<const TensorSource> tensors);

#if SEQREC_BODIES

SEQREC_FUNCTION SafetensorsFile::SafetensorsFile(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(path_, error);
  if (error) fail(concatenate("cannot be opened: ", error.message()));
  stream_.open(path_, std::ios::binary);
  if (!stream_) fail("cannot be opened: it is not readable");

  std::uint64_t header_size = 0;
  if (size < sizeof header_size) fail(concatenate("has ", size, " bytes, expected at least 8 (the header's length)"));
  read_at(0, &header_size, sizeof header_size);
  const std::uint64_t limit = std::min(size - sizeof header_size, max_safetensors_header);
  if (header_size > limit)
    fail(concatenate("header length is ", header_size, ", expected at most ", limit, " in a file of ", size, " bytes"));
  std::string text(header_size, '\0');
  read_at(sizeof header_size, text.data(), text.size());
  first_byte_ = sizeof header_size + header_size;
  header_ = parse_safetensors_header(text, static_cast<index_t>(size - first_byte_), path_.string());
  for (const StoredTensor& tensor : header_.tensors) index_.emplace(tensor.name, index_.size());
}

SEQREC_FUNCTION const StoredTensor& SafetensorsFile::require(std::string_view name, DataType type,
                                                             std::span<const index_t> shape) const {
  const StoredTensor& tensor = require(name, type);
  if (!std::equal(shape.begin(), shape.end(), tensor.shape.begin(), tensor.shape.end()))
    fail(concatenate("tensor ", quote_bytes(name), ": shape is ", quote_bytes(shape_text(tensor.shape)), ", expected ",
                     shape_text(shape)));
  return tensor;
}

SEQREC_FUNCTION const StoredTensor& SafetensorsFile::require(std::string_view name, DataType type) const {
  const StoredTensor* tensor = find(name);
  if (tensor == nullptr) fail(concatenate("tensor ", quote_bytes(name), " is missing"));
  if (tensor->type != type)
    fail(concatenate("tensor ", quote_bytes(name), ": dtype is ", name_of(tensor->type), ", expected ", name_of(type)));
  return *tensor;
}

SEQREC_FUNCTION void SafetensorsFile::read(const StoredTensor& tensor, void* target, std::size_t bytes) {
  if (bytes != static_cast<std::size_t>(tensor.bytes()))
    throw ArgumentError(concatenate("SafetensorsFile::read: target of tensor ", quote_bytes(tensor.name), " has ",
                                    bytes, " bytes, expected ", tensor.bytes()));
  read_at(first_byte_ + static_cast<std::uint64_t>(tensor.begin), target, bytes);
}

SEQREC_FUNCTION void write_safetensors(const std::filesystem::path& path,
                                       const std::map<std::string, std::string>& metadata,
                                       std::span<const TensorSource> tensors) {
  SafetensorsHeader header{metadata, {}};
  std::set<std::string_view> names = {"__metadata__"};
  index_t begin = 0;
  for (const TensorSource& source : tensors) {
    const auto check = [&](bool holds, const std::string& problem) {
      if (!holds)
        throw ArgumentError(concatenate("write_safetensors: tensor ", quote_bytes(source.name), ": ", problem));
    };
    check(names.insert(source.name).second, "the name is taken, expected one of its own");
    const std::optional<index_t> bytes = tensor_bytes(source.type, source.shape);
    check(bytes.has_value(), concatenate("shape is ", shape_text(source.shape), ", expected that of an array"));
    check(*bytes == 0 || source.data != nullptr, concatenate("data is null, expected ", *bytes, " bytes"));
    header.tensors.push_back({source.name, source.type, source.shape, begin, begin + *bytes});
    begin += *bytes;
  }
  const std::string text = print_safetensors_header(header);
  const std::uint64_t header_size = text.size();
  check_argument(header_size <= max_safetensors_header, "write_safetensors: header length", header_size,
                 "at most 100000000");

  AtomicFile file(path);
  file.write(&header_size, sizeof header_size);
  file.write(text);
  for (std::size_t i = 0; i < tensors.size(); ++i)
    file.write(tensors[i].data, static_cast<std::size_t>(header.tensors[i].bytes()));
  file.commit();
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
