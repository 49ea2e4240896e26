// SPDX-License-Identifier: Apache-2.0
// Values of parameters in host memory, out of a model and into it.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "seqrec/autograd/parameter_store.hpp"
#include "support/catch.hpp"

namespace seqrec_test {

/// A parameter's values, row by row.
template <class Context, int Rank>
std::vector<typename Context::Master> values_of(const seqrec::Parameter<Context, Rank>& parameter) {
  const auto view = parameter.view();
  return {view.data, view.data + view.size()};
}
/// Those of one that is known by its entry.
template <class Context>
std::vector<typename Context::Master> values_of(const seqrec::ParameterStore<Context>& parameters,
                                                const seqrec::ParameterEntry& entry) {
  const auto view = parameters.values(entry);
  return {view.data, view.data + view.size()};
}

/// All values of a model, one parameter after the other in the order in which layers made them.
template <class Model>
auto weights_of(const Model& model) {
  std::vector<typename Model::Context::Master> all;
  for (const seqrec::ParameterEntry& entry : model.parameters().entries()) {
    const auto values = values_of(model.parameters(), entry);
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

/// Overwrites a parameter's values, row by row.
template <class Context, int Rank, class Value>
void put_values(seqrec::Parameter<Context, Rank>& parameter, const std::vector<Value>& values) {
  const auto view = parameter.view();
  REQUIRE(view.size() == std::ssize(values));
  std::copy(values.begin(), values.end(), view.data);
}

/// Elements as many as a store has, e.g. gradients: those of some parameters by name, zero elsewhere.
template <class Context, class Value = typename Context::Master>
std::vector<Value> laid_out(const seqrec::ParameterStore<Context>& parameters,
                            const std::map<std::string, std::vector<Value>>& of) {
  std::vector<Value> all(static_cast<std::size_t>(parameters.size()), Value(0));
  std::size_t found = 0;
  for (const seqrec::ParameterEntry& entry : parameters.entries()) {
    const auto values = of.find(entry.name);
    if (values == of.end()) continue;
    REQUIRE(std::ssize(values->second) == entry.size());
    std::copy(values->second.begin(), values->second.end(), all.begin() + entry.offset);
    ++found;
  }
  REQUIRE(found == of.size());
  return all;
}

}  // namespace seqrec_test
