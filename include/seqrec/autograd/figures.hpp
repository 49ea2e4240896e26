// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/autograd/parameter.hpp"

namespace seqrec {

/// A number of a model that people want to see while it is trained.
struct Figure {
  std::string name;
  double value;
  bool brief = false;  ///< belongs where there is little room, too
};

/// What a layer shows of its statistics: figures, given their values on the host in the order in which they were named
/// to `shown`. The names must not depend on the values.
using FigureSource = std::function<std::vector<Figure>(std::span<const std::vector<double>>)>;

namespace detail {

/// The figures of a model's layers.
class Figures {
 public:
  /// @param prefix of the names   @param numbers of the statistics in their store
  void add(std::string prefix, std::vector<std::size_t> numbers, FigureSource source) {
    sources_.push_back({std::move(prefix), std::move(numbers), std::move(source)});
  }

  /// @param entries, all  of their store
  template <class Master, class Space>
  std::vector<Figure> all(const std::vector<ParameterEntry>& entries, VectorView<const Master, Space> all) const {
    std::vector<Figure> figures;
    for (const Source& source : sources_) {
      std::vector<std::vector<double>> values;
      for (const std::size_t number : source.numbers) {
        std::vector<Master> host(static_cast<std::size_t>(entries[number].size()));
        Memory<Space>::copy_to_host(host.data(), all.data + entries[number].offset, host.size() * sizeof(Master));
        values.emplace_back(host.begin(), host.end());
      }
      for (Figure& figure : source.show(values))
        figures.push_back({source.prefix + figure.name, figure.value, figure.brief});
    }
    return figures;
  }

 private:
  struct Source {
    std::string prefix;
    std::vector<std::size_t> numbers;
    FigureSource show;
  };

  std::vector<Source> sources_;
};

}  // namespace detail
}  // namespace seqrec
