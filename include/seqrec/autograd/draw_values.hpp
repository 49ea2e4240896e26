// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "seqrec/autograd/parameter.hpp"
#include "seqrec/core/compiled.hpp"
#include "seqrec/core/hash.hpp"
#include "seqrec/core/random.hpp"

namespace seqrec::detail {

/// The initial values of a layout of so many elements, drawn in double.
template <class Master>
std::vector<Master> draw_values(const std::vector<ParameterEntry>& entries, index_t elements, std::uint64_t seed) {
  std::vector<Master> values(static_cast<std::size_t>(elements), Master(0));
  for (const ParameterEntry& entry : entries) {
    if (entry.role == ParameterRole::composed) continue;
    RandomStream random(seed, Purpose::initial_weights, Hash().add(entry.name).value());
    const index_t columns = entry.shape.size() == 2 ? entry.shape.back() : 1;
    for (index_t i = 0; i < entry.size(); ++i)
      values[static_cast<std::size_t>(entry.offset + i)] =
          static_cast<Master>(entry.initialiser.draw(random, entry.shape.front(), columns, i % entry.shape.back()));
  }
  for (const ParameterEntry& entry : entries)
    for (const ParameterEntry& source : entries)
      if (source.name == entry.begins_as)  // of composed ones alone
        std::copy_n(values.begin() + source.offset, entry.size(), values.begin() + entry.offset);
  return values;
}
#ifdef SEQREC_COMPILED
SEQREC_TEMPLATE std::vector<float> draw_values(const std::vector<ParameterEntry>&, index_t, std::uint64_t);
SEQREC_TEMPLATE std::vector<double> draw_values(const std::vector<ParameterEntry>&, index_t, std::uint64_t);
#endif

}  // namespace seqrec::detail
