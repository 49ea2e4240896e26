// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "seqrec/autograd/initialiser.hpp"
#include "seqrec/core/tensor.hpp"

namespace seqrec {

/// Who moves a parameter.
enum class ParameterRole {
  weight,     ///< the optimiser, along its gradient
  statistic,  ///< its layer, after each step, from sums that the forward pass left in its gradient's place
};

/// A tensor that training moves: a vector (Rank 1) or a matrix (Rank 2), with how it begins and where its gradient
/// lies. Layers hold parameters as members and show them in `for_each_parameter`.
template <class Context, int Rank>
struct Parameter {
  Tensor<typename Context::Master, Rank, typename Context::Space> value;
  Initialiser initialiser;
  index_t offset = -1;  ///< of its gradient among all parameters', set by `initialise`
  ParameterRole role = ParameterRole::weight;
  bool table = false;  ///< rows are looked up by number, so that a step may touch only some of them

  Parameter(index_t size, Initialiser begin, ParameterRole moved_by = ParameterRole::weight) requires(Rank == 1)
      : value(size), initialiser(begin), role(moved_by) {}
  Parameter(index_t rows, index_t columns, Initialiser begin) requires(Rank == 2)
      : value(rows, columns), initialiser(begin) {}
};

template <class Context>
using VectorParameter = Parameter<Context, 1>;
template <class Context>
using MatrixParameter = Parameter<Context, 2>;

/// Hands on every parameter with its name prefixed: how a layer shows those of a layer inside it.
template <class Visitor>
auto prefixed(std::string prefix, Visitor& visit) {
  return [prefix = std::move(prefix), &visit](const std::string& name, auto& parameter) {
    visit(prefix + "." + name, parameter);
  };
}

}  // namespace seqrec
