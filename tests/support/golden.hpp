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
  /// What a step leaves in the place of a parameter's gradient. Of Dice's statistics PyTorch summed x and x^2; ours are
  /// sums about the running mean.
  Matrix gradient(const std::string& parameter) {
    Matrix sums = matrix("gradient." + parameter);
    const std::size_t name = parameter.rfind("running_");
    if (name == std::string::npos) return sums;
    const std::string layer = parameter.substr(0, name);
    const Matrix mean = matrix("parameter." + layer + "running_mean"),
                 sum = matrix("gradient." + layer + "running_mean");
    const double rows = matrix("gradient." + layer + "num_batches_tracked")(0);
    for (index_t h = 0; h < sums.columns; ++h)
      sums(h) = parameter.ends_with("mean") ? sum(h) - rows * mean(h)
                                            : sums(h) - 2 * mean(h) * sum(h) + rows * mean(h) * mean(h);
    return sums;
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
  bool has(const std::string& option) const { return file_.metadata().contains(option); }
  double number(const std::string& option) const { return std::stod(text(option)); }

 private:
  seqrec::SafetensorsFile file_;
};

}  // namespace seqrec_test
