// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "seqrec/io/safetensors.hpp"
#include "support/tensors.hpp"

namespace seqrec_test {

/// How far results in double may be from PyTorch's, relative to a tensor's largest element.
inline constexpr double golden_tolerance = 1e-12;

/// One file of tests/golden: what PyTorch computed in float64.
class Golden {
 public:
  explicit Golden(const std::string& name)
      : file_(std::string(SEQREC_SOURCE_DIR) + "/tests/golden/" + name + ".safetensors") {}

  /// A tensor of one or two axes; a vector becomes a row.
  Matrix matrix(const std::string& name) {
    const std::vector<index_t> shape = file_.require(name, seqrec::DataType::f64).shape;
    Matrix matrix(shape.size() == 1 ? 1 : shape.at(0), shape.back());
    matrix.values = file_.read<double>(name);
    return matrix;
  }
  /// Items or offsets.
  std::vector<std::int32_t> integers(const std::string& name) { return file_.read<std::int32_t>(name); }
  /// The lengths of segments that begin at the offsets of that name.
  std::vector<index_t> lengths(const std::string& name) {
    const std::vector<std::int32_t> offsets = integers(name);
    std::vector<index_t> lengths;
    for (std::size_t b = 0; b + 1 < offsets.size(); ++b) lengths.push_back(offsets[b + 1] - offsets[b]);
    return lengths;
  }

  const std::string& text(const std::string& option) const { return file_.metadata().at(option); }
  double number(const std::string& option) const { return std::stod(text(option)); }

 private:
  seqrec::SafetensorsFile file_;
};

}  // namespace seqrec_test
