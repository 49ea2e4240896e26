// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <type_traits>
#include <vector>

#include "seqrec/autograd/parameter.hpp"
#include "seqrec/core/step_state.hpp"
#include "seqrec/core/tensor.hpp"

// What moves parameters that no optimiser moves. A layer says it when it makes them (ParameterScope), and the store
// calls it with the places of the parameters that were named, in that order: layers may move, these do not.

namespace seqrec {

/// A statistic, and what a step's backward passes summed up in the place of its gradient.
template <class Context>
struct StatisticStep {
  master_vector_of<Context> values;                                          ///< to be moved
  VectorView<const typename Context::Master, typename Context::Space> sums;  ///< of the same size
  VectorView<const StepOutcome, typename Context::Space> outcome;  ///< (1) nothing moves after a bad step; or null
};

/// Moves statistics after a step; they come in the order in which they were named to `moved_after_step`.
template <class Context>
using StatisticUpdate = std::function<void(Context&, std::span<const StatisticStep<Context>>)>;

/// Elements of parameters, values or gradients: first those of the composed one, then of each that it is made of.
template <class Context>
using ComposedParts = std::span<const master_vector_of<Context>>;

/// How a parameter is made up from others.
template <class Context>
struct Composition {
  std::function<void(Context&, ComposedParts<Context>)> compose;  ///< of values: writes the first from the others
  std::function<void(Context&, ComposedParts<Context>)> hand_on;  ///< of gradients: adds the first's to the others
};

namespace detail {

/// Where the elements of a parameter lie: among all of a model's, or where a function says.
template <class All>
auto elements_of(const All& all, const ParameterEntry& entry) {
  if constexpr (std::is_invocable_v<const All&, const ParameterEntry&>)
    return all(entry);
  else
    return all.row_range(entry.offset, entry.size());
}

/// Parameters, by number, with what is done with them, and scratch that is kept so that a step allocates nothing.
template <class What, class Part>
struct ParameterUpdate {
  std::vector<std::size_t> numbers;
  What what;
  std::vector<Part> parts{};
};

}  // namespace detail
}  // namespace seqrec
