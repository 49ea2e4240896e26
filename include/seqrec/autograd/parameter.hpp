// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/autograd/initialiser.hpp"
#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/gradient_blocks.hpp"
#include "seqrec/core/tensor.hpp"

namespace seqrec {

/// Who moves a parameter.
enum class ParameterRole {
  weight,     ///< the optimiser, along its gradient
  table,      ///< the optimiser, too; rows are looked up by number, so that a step may touch only some of them
  statistic,  ///< its layer, after each step, from sums that the backward pass left in its gradient's place
  composed,   ///< its layer, which makes it up from others and hands its gradient on to them
  frozen,     ///< nobody: a run trains other parts of the model (see ParameterRanges)
};

/// What is known of one parameter of a model.
struct ParameterEntry {
  std::string name;            ///< as PyTorch would call it, e.g. "blocks.0.attention.in_proj_weight"
  std::vector<index_t> shape;  ///< one or two extents
  Initialiser initialiser;
  ParameterRole role;       ///< weight, table, statistic or composed
  index_t offset = -1;      ///< of the first element in the store, known once the layout is
  std::string begins_as{};  ///< of a composed one: the parameter whose initial values it has
  ElementRange block{};     ///< whose gradients lie together: all weights, all statistics, or this one

  index_t size() const { return shape.front() * (shape.size() == 2 ? shape.back() : 1); }
  ElementRange elements() const { return {offset, size()}; }
};

namespace detail {

/// @throws ArgumentError for extents of no array: they may come from a file that is not to be trusted
SEQREC_FUNCTION void check_extents(const ParameterEntry& entry);

/// Gives parameters their places: those of a role together, each at a multiple of `line` elements.
/// @return how many elements there are then
SEQREC_FUNCTION index_t lay_out(std::vector<ParameterEntry>& entries, index_t line);

/// What a ParameterStore holds, at an address that stays when the model moves.
template <class Context>
struct ParameterStorage {
  std::vector<ParameterEntry> entries;
  Tensor<typename Context::Master, 1, typename Context::Space> values;
  bool has_memory = false;
};

}  // namespace detail

template <class Context>
class ParameterScope;

/// A vector (Rank 1) or a matrix (Rank 2) that training moves: a shape, and a place in the model's ParameterStore. It
/// is fixed when the model is constructed, and belongs to one layer: moves, does not copy. Layers hold parameters as
/// members and make them through the ParameterScope that their constructor is given.
template <class Context, int Rank>
class Parameter {
 public:
  using View = TensorView<typename Context::Master, Rank, typename Context::Space>;
  using ConstView = TensorView<const typename Context::Master, Rank, typename Context::Space>;

  /// None: a layer that does without it. Size 0, null views.
  Parameter() = default;
  Parameter(Parameter&&) noexcept = default;
  Parameter& operator=(Parameter&&) noexcept = default;

  explicit operator bool() const { return home_ != nullptr; }
  index_t rows() const { return extents_[0]; }
  index_t columns() const requires(Rank == 2) { return extents_[1]; }
  index_t size() const { return Rank == 1 ? extents_[0] : extents_[0] * extents_[Rank - 1]; }

  /// Where the first element lies in the store, and its gradient among all gradients.
  index_t offset() const { return home_->entries[number_].offset; }
  /// The elements of the store whose gradients lie together with its own.
  const ElementRange& block() const { return home_->entries[number_].block; }
  /// Whether rows are looked up by number, and its gradient lies alone in its block.
  bool is_table() const {
    const ParameterRole role = home_->entries[number_].role;
    return role == ParameterRole::table || role == ParameterRole::composed;
  }

  /// The values. Null for a parameter that is none.
  /// @throws Error while the store has no memory yet
  View view() { return shaped(first()); }
  ConstView view() const { return shaped(first()); }

  /// Memory elsewhere, e.g. that of the gradients, seen as this parameter lies in it.
  /// @param all as many elements as the store has
  template <class Element>
  TensorView<Element, Rank, typename Context::Space> within(VectorView<Element, typename Context::Space> all) const {
    if (!*this) return {};
    check_within(all.size());
    return shaped(all.data + offset());
  }
  /// Where a context sums its gradient; null where it sums none.
  /// @throws ShapeError when the context sums those of a smaller model
  View gradient_in(Context& context) const {
    if (!*this || context.gradient_elements() == 0) return {};
    check_within(context.gradient_elements());
    const ParameterEntry& entry = home_->entries[number_];
    return shaped(context.gradient(entry.elements(), entry.block).data);
  }

  /// @throws ShapeError unless there is room for it among so many elements of the model
  void check_within(index_t elements) const {
    if (offset() + size() > elements)
      throw ShapeError(concatenate(home_->entries[number_].name, ": lies at ", offset(), " .. ", offset() + size(),
                                   " of the model's elements, expected memory for them, not for ", elements,
                                   "; hint: contexts and teams need room for as many as parameters().size()"));
  }

 private:
  using Extents = std::array<index_t, static_cast<std::size_t>(Rank)>;

  friend class ParameterScope<Context>;
  Parameter(detail::ParameterStorage<Context>* home, std::size_t number, const Extents& extents)
      : home_(home), number_(number), extents_(extents) {}

  typename Context::Master* first() const {
    if (!*this) return nullptr;
    if (!home_->has_memory)
      throw Error(concatenate(home_->entries[number_].name,
                              ": has no memory yet; hint: a model's constructor ends with parameters.initialise(...)"));
    return home_->values.view().data + offset();
  }
  template <class Element>
  TensorView<Element, Rank, typename Context::Space> shaped(Element* data) const {
    if constexpr (Rank == 1)
      return {data, extents_[0]};
    else
      return {data, extents_[0], extents_[1]};
  }

  detail::ParameterStorage<Context>* home_ = nullptr;
  std::size_t number_ = 0;  ///< of the entry
  Extents extents_{};
};

template <class Context>
using VectorParameter = Parameter<Context, 1>;
template <class Context>
using MatrixParameter = Parameter<Context, 2>;

#if SEQREC_BODIES

SEQREC_FUNCTION void detail::check_extents(const ParameterEntry& entry) {
  constexpr index_t most = index_t{1} << 48;  // so that sums of sizes, and bytes, do not overflow
  index_t elements = 1;
  std::string shape;
  bool fits = true;
  for (const index_t extent : entry.shape) {
    shape += (shape.empty() ? "" : " x ") + std::to_string(extent);
    fits = fits && extent >= 0 && (extent == 0 || elements <= most / extent);
    if (fits) elements *= extent;
  }
  if (!fits) throw ArgumentError(entry.name + ": is " + shape + ", expected 0 .. 2^48 elements");
}

SEQREC_FUNCTION index_t detail::lay_out(std::vector<ParameterEntry>& entries, index_t line) {
  index_t size = 0;
  for (const ParameterRole role :
       {ParameterRole::weight, ParameterRole::table, ParameterRole::statistic, ParameterRole::composed}) {
    const index_t first = size;
    for (ParameterEntry& entry : entries) {
      if (entry.role != role) continue;
      entry.offset = size;
      size = round_up(size + entry.size(), line);
      entry.block = {entry.offset, size - entry.offset};
    }
    const bool small = role == ParameterRole::weight || role == ParameterRole::statistic;
    for (ParameterEntry& entry : entries)
      if (small && entry.role == role) entry.block = {first, size - first};
  }
  return size;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
