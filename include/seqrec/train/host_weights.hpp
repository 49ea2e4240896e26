// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "seqrec/autograd/parameter_store.hpp"
#include "seqrec/core/errors.hpp"

namespace seqrec {

/// All values of a model, copied to the host as they lie in its store.
template <class Context>
void copy_weights(const ParameterStore<Context>& parameters, std::vector<typename Context::Master>& to) {
  to.resize(static_cast<std::size_t>(parameters.size()));
  Memory<typename Context::Space>::copy_to_host(to.data(), parameters.values().data, to.size() * sizeof(to[0]));
}

/// The same back into the model.
/// @throws ShapeError unless there are as many
template <class Context>
void put_weights(ParameterStore<Context>& parameters, const std::vector<typename Context::Master>& from) {
  check_extent("put_weights", "number of weights", std::ssize(from), parameters.size());
  Memory<typename Context::Space>::copy_from_host(parameters.values().data, from.data(), from.size() * sizeof(from[0]));
}

}  // namespace seqrec
