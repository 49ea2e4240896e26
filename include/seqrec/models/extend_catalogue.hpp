// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "seqrec/autograd/parameter_store.hpp"
#include "seqrec/core/compiled.hpp"
#include "seqrec/core/utf8.hpp"
#include "seqrec/models/item_model.hpp"

namespace seqrec {

namespace detail {

/// A vocabulary with further ids behind those it has.
/// @throws ArgumentError unless there is an id for each of `items` and the new ones are new and distinct
SEQREC_FUNCTION Vocabulary extended(const Vocabulary& ids, index_t items, std::span<const std::string> new_ids);

/// Where a parameter of the smaller model begins in the larger one, in which it is as it was, or has further rows.
/// @throws ArgumentError where it is neither
SEQREC_FUNCTION const ParameterEntry& grown_parameter(const ParameterEntry& before,
                                                      const std::vector<ParameterEntry>& after, index_t items,
                                                      index_t new_items);

}  // namespace detail

/// A model that knows further items, for a catalogue that has grown since the training: `new_ids` become its last rows,
/// V, V + 1, ..., which begin as those of a new model of that size and seed do. All else is copied, so that the scores
/// of the old items stay to the bit. Train the new rows before they are offered: nothing is known of them yet.
///
/// What is an item's is told by its shape: a parameter that has a row for each item in this model, and one for each in
/// a model of the same options with more items, whatever the model (tables of vectors, of biases).
/// @tparam Model  Named, with options().items and a constructor from options
/// @throws ArgumentError where the model does not know the ids of all its items, or knows a new one already; and naming
///                       a parameter that grows in another way
template <class Model>
Model extend_catalogue(const Model& model, std::span<const std::string> new_ids) {
  static_assert(Named<Model>,
                "seqrec: extend_catalogue needs a model with names(), such as one derived from ItemModel");
  Names names = model.names();
  names.items = detail::extended(names.items, model.num_items(), new_ids);
  typename Model::Options options = model.options();
  options.items += std::ssize(new_ids);
  Model larger(options);
  larger.set_names(std::move(names));
  const auto old_values = model.parameters().to_host();
  auto values = larger.parameters().to_host();
  for (const ParameterEntry& before : model.parameters().entries()) {
    const ParameterEntry& after =
        detail::grown_parameter(before, larger.parameters().entries(), model.num_items(), std::ssize(new_ids));
    std::copy_n(old_values.data() + before.offset, before.size(), values.data() + after.offset);
  }
  larger.parameters().copy_from_host(values);
  return larger;
}

#if SEQREC_BODIES

SEQREC_FUNCTION Vocabulary detail::extended(const Vocabulary& ids, index_t items,
                                            std::span<const std::string> new_ids) {
  if (ids.size() != items)
    throw ArgumentError(concatenate("extend_catalogue: the model knows the ids of ", ids.size(), " of its ", items,
                                    " items, expected all; hint: set_vocabulary tells it"));
  std::vector<std::string> all;
  for (index_t row = 0; row < items; ++row) all.emplace_back(ids[row]);
  for (std::size_t i = 0; i < new_ids.size(); ++i) {
    if (const auto row = ids.find(new_ids[i]))
      throw ArgumentError(concatenate("extend_catalogue: new id ", i, ", ", quote_bytes(new_ids[i]),
                                      ", is that of item ", *row, " already, expected new ids"));
    all.push_back(new_ids[i]);
  }
  return Vocabulary(all);
}

SEQREC_FUNCTION const ParameterEntry& detail::grown_parameter(const ParameterEntry& before,
                                                              const std::vector<ParameterEntry>& after, index_t items,
                                                              index_t new_items) {
  const auto found =
      std::find_if(after.begin(), after.end(), [&](const auto& entry) { return entry.name == before.name; });
  if (found == after.end())
    throw ArgumentError(concatenate("extend_catalogue: a model of more items has no parameter ", before.name,
                                    ", expected those of the smaller one"));
  std::vector<index_t> grown = before.shape;
  grown.front() += new_items;
  if (found->shape != before.shape && (before.shape.front() != items || found->shape != grown))
    throw ArgumentError(concatenate("extend_catalogue: ", before.name, " has ", before.size(), " elements, and ",
                                    found->size(), " in a model of ", new_items,
                                    " more items, expected as many, or a row for each item"));
  return *found;
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
