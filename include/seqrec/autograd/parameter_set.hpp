// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "seqrec/autograd/parameter.hpp"
#include "seqrec/core/hash.hpp"

namespace seqrec {

/// All parameters of a model, in the order in which it shows them, laid end to end: gradients, moments and checkpoints
/// are addressed by these offsets and names.
///
/// Holds views: the model must outlive it and not be moved meanwhile.
template <class Context>
class ParameterSet {
 public:
  /// One parameter, seen as a run of elements.
  struct Entry {
    std::string name;            ///< as PyTorch would call it, e.g. "blocks.0.attention.in_proj_weight"
    std::vector<index_t> shape;  ///< one or two extents
    master_vector_of<Context> values;
    Initialiser initialiser;
    index_t offset;  ///< of the first element in the set
    ParameterRole role;
    bool table;  ///< of rows that are looked up (see Parameter)

    index_t size() const { return values.size(); }
    bool moved_by_optimizer() const { return role == ParameterRole::weight; }
  };

  /// Visits the model once, and tells each parameter where its gradient lies.
  template <class Model>
  explicit ParameterSet(Model& model) {
    model.for_each_parameter([this](const std::string& name, auto& parameter) {
      auto view = parameter.value.view();
      parameter.offset = size_;
      entries_.push_back({name,
                          {std::begin(view.extents), std::end(view.extents)},
                          {view.data, view.size()},
                          parameter.initialiser,
                          size_,
                          parameter.role,
                          parameter.table});
      size_ += view.size();
    });
  }

  index_t size() const { return size_; }  ///< elements of all parameters together
  const std::vector<Entry>& entries() const { return entries_; }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  std::vector<Entry> entries_;
  index_t size_ = 0;
};

/// Draws a model's initial weights; every model's constructor ends with it. Each parameter has a stream of its own,
/// named by a hash of its name, so that adding a layer does not change how the others begin.
template <class Context, class Model>
void initialise(Model& model, std::uint64_t seed) {
  using Master = typename Context::Master;
  for (const auto& entry : ParameterSet<Context>(model)) {
    RandomStream random(seed, Purpose::initial_weights, Hash().add(entry.name).value());
    const index_t rows = entry.shape.front(), columns = entry.shape.size() == 2 ? entry.shape.back() : 1;
    std::vector<Master> values(static_cast<std::size_t>(entry.size()));
    for (Master& value : values) value = static_cast<Master>(entry.initialiser.draw(random, rows, columns));
    Memory<typename Context::Space>::copy_from_host(entry.values.data, values.data(), values.size() * sizeof(Master));
  }
}

}  // namespace seqrec
