// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "seqrec/autograd/parameter_set.hpp"
#include "seqrec/core/errors.hpp"

namespace seqrec {

/// All weights of a model, copied to the host: (P), in the order of the ParameterSet.
template <class Context>
void copy_weights(const ParameterSet<Context>& parameters, std::vector<typename Context::Master>& to) {
  using Master = typename Context::Master;
  to.resize(static_cast<std::size_t>(parameters.size()));
  for (const auto& entry : parameters)
    Memory<typename Context::Space>::copy_to_host(to.data() + entry.offset, entry.values.data,
                                                  static_cast<std::size_t>(entry.size()) * sizeof(Master));
}

/// The same back into the model.
template <class Context>
void put_weights(const ParameterSet<Context>& parameters, const std::vector<typename Context::Master>& from) {
  using Master = typename Context::Master;
  check_extent("put_weights", "number of weights", std::ssize(from), parameters.size());
  for (const auto& entry : parameters)
    Memory<typename Context::Space>::copy_from_host(entry.values.data, from.data() + entry.offset,
                                                    static_cast<std::size_t>(entry.size()) * sizeof(Master));
}

/// Calls work() while the model holds other weights; it has its own again afterwards, whatever happens.
template <class Context, class Work>
void with_weights(const ParameterSet<Context>& parameters, const std::vector<typename Context::Master>& others,
                  Work&& work) {
  std::vector<typename Context::Master> own;
  copy_weights(parameters, own);
  put_weights(parameters, others);
  try {
    work();
  } catch (...) {
    put_weights(parameters, own);
    throw;
  }
  put_weights(parameters, own);
}

}  // namespace seqrec
