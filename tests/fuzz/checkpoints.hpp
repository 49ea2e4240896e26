// SPDX-License-Identifier: Apache-2.0
// Checkpoints as fuzz inputs: without the eight bytes in front that hold the header's length, which no mutation of the
// header would keep right. An input is the header, a line break, and the elements.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "fuzz/support.hpp"
#include "seqrec/io/checkpoint.hpp"

namespace seqrec_fuzz {

/// The input for which safetensors_file gives this file.
inline std::string safetensors_input(const std::string& file) {
  std::uint64_t header = 0;
  std::memcpy(&header, file.data(), sizeof header);
  const std::size_t length = header;
  return file.substr(sizeof header, length) + "\n" + file.substr(sizeof header + length);
}

inline std::string safetensors_file(std::string_view input) {
  const std::uint64_t header = std::min(input.find('\n'), input.size());
  const std::size_t length = header;
  std::string file(sizeof header, '\0');
  std::memcpy(file.data(), &header, sizeof header);
  return file.append(input.substr(0, length)).append(input.substr(std::min(length + 1, input.size())));
}

/// What `save` writes of a model, as an input.
template <class Model>
std::string saved(const Model& model) {
  const Folder folder;
  seqrec::save(folder / "x", model);
  return safetensors_input(folder.read("x"));
}

/// Loads a model; one that is loaded can be saved, and is the same once it is loaded again. The base of its heap is for
/// the names of 256 blocks, which options may ask for before their tensors are missed.
template <class Model>
int load_and_save(const std::uint8_t* data, std::size_t size) {
  static const Folder folder;
  const std::filesystem::path path = folder.write("x", safetensors_file(text_of(data, size)));
  return expect_read_or_error(
      size,
      [&] {
        const auto model = seqrec::load<Model>(path);
        seqrec::save(folder / "y", model);
        const auto again = seqrec::load<Model>(folder / "y");
        require(again.parameters().size() == model.parameters().size() &&
                    std::memcmp(again.parameters().values().data, model.parameters().values().data,
                                static_cast<std::size_t>(model.parameters().size()) * sizeof(float)) == 0,
                "a model that is another one once it was saved");
      },
      {.base = 1 << 20});
}

}  // namespace seqrec_fuzz
