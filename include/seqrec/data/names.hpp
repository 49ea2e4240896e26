// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/names.hpp"
#include "seqrec/core/utf8.hpp"
#include "seqrec/data/dataset.hpp"

namespace seqrec {

/// What a data set's numbers stand for.
inline Names names_of(const Dataset& data) {
  return {data.item_ids, Vocabulary(data.user_features.names), Vocabulary(data.item_features.names)};
}

/// Refuses data whose numbers stand for something else than a model's do: items and categories are places in one data
/// set's lists, so a new export that lacks one item or has one more shifts all behind it. A model may know more at the
/// end of each list than the data have. A model that knows no names takes any data.
/// @throws DataError naming the first item or category that differs
SEQREC_FUNCTION void check_names(const Names& of_model, const Dataset& data);

#if SEQREC_BODIES

namespace detail {

inline void check_vocabulary(const char* what, const Vocabulary& of_model, const Vocabulary& of_data,
                             const std::string& data_name) {
  if (of_model.empty()) return;
  const index_t number = of_model.first_difference(of_data);
  if (number == of_data.size()) return;
  const std::string there = number < of_model.size() ? quote_bytes(of_model[number]) : std::string("none");
  throw DataError(concatenate(
      data_name, ": ", what, ' ', number, " is ", quote_bytes(of_data[number]), " in the data set and ", there,
      " in the model, expected the same; hint: ", "renumber(data, model.names()) gives the data the model's numbers"));
}

}  // namespace detail

SEQREC_FUNCTION void check_names(const Names& of_model, const Dataset& data) {
  const Names names = names_of(data);
  detail::check_vocabulary("item", of_model.items, names.items, data.name);
  detail::check_vocabulary("category of users", of_model.user_categories, names.user_categories, data.name);
  detail::check_vocabulary("category of items", of_model.item_categories, names.item_categories, data.name);
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
