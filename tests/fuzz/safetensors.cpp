// SPDX-License-Identifier: Apache-2.0
// A safetensors file, its header first: whether it is read again from what it is written as.
#include "seqrec/io/safetensors.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/support.hpp"
#include "seqrec/io/safetensors_header.hpp"

std::vector<std::string> made_seeds() {
  const seqrec_fuzz::Folder folder;
  const std::vector<float> weights = {1, 2, 3, 4, 5, 6};
  const std::vector<double> scale = {0.5};
  std::vector<std::string> seeds;
  for (const bool metadata : {false, true}) {
    seqrec::write_safetensors(
        folder / "x",
        metadata ? std::map<std::string, std::string>{{"key", "\"\\\n\xC3\xA9"}} : std::map<std::string, std::string>{},
        std::vector<seqrec::TensorSource>{{"scale", seqrec::DataType::f64, {}, scale.data()},
                                          {"weight", seqrec::DataType::f32, {2, 3}, weights.data()},
                                          {"none", seqrec::DataType::u8, {0, 7}, nullptr}});
    seeds.push_back(folder.read("x"));
  }
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using seqrec_fuzz::require;
  static const seqrec_fuzz::Folder folder;
  const auto path = folder.write("x.safetensors", seqrec_fuzz::text_of(data, size));
  return seqrec_fuzz::expect_read_or_error(size, [&] {
    seqrec::SafetensorsFile file(path);
    std::size_t bytes = 0;
    for (const seqrec::StoredTensor& tensor : file.tensors()) {
      require(file.find(tensor.name) != nullptr, "a tensor that is not found by its name");
      std::vector<char> values(static_cast<std::size_t>(tensor.bytes()));
      require(values.size() <= size, "a tensor larger than its file");
      file.read(tensor, values.data(), values.size());
      bytes += values.size();
    }
    const seqrec::SafetensorsHeader header{file.metadata(), file.tensors()};
    const auto again = seqrec::parse_safetensors_header(seqrec::print_safetensors_header(header),
                                                        static_cast<seqrec::index_t>(bytes), "again");
    require(again.metadata == header.metadata && again.tensors.size() == header.tensors.size(),
            "a header that is another one once it was written");
  });
}
