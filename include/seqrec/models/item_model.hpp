// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <utility>

#include "seqrec/autograd/parameter_store.hpp"
#include "seqrec/core/names.hpp"
#include "seqrec/core/options.hpp"

namespace seqrec {

/// What every model of this library has beside its layers: its options, its parameters in one store, and the names
/// behind the numbers that it reads. A base for models whose Options have `items` and `max_length`.
template <class Context_, class Options_>
class ItemModel {
 public:
  using Context = Context_;
  using Options = Options_;

  ParameterStore<Context>& parameters() { return parameters_; }
  const ParameterStore<Context>& parameters() const { return parameters_; }
  const Options& options() const { return options_; }
  /// V
  index_t num_items() const { return options_.items; }
  /// How much of a history is read: its last so many items.
  index_t max_length() const { return options_.max_length; }

  /// What items and categories stand for: as in the data set that the model was trained on, or in its checkpoint;
  /// nothing in a model fresh from its options.
  const Names& names() const { return names_; }
  /// The original ids of items 0, 1, ...; items beyond have none.
  const Vocabulary& vocabulary() const { return names_.items; }

  /// Names of categories are kept where the model reads categories.
  /// @throws ArgumentError where there are more names than items or categories of the model
  void set_names(Names names) {
    check_size("item ids", names.items, num_items());
    if constexpr (requires { options_.user_categories; })
      keep_read("user categories", names.user_categories, options_.user_categories);
    else
      names.user_categories = {};
    if constexpr (requires { options_.item_categories; })
      keep_read("item categories", names.item_categories, options_.item_categories);
    else
      names.item_categories = {};
    names_ = std::move(names);
  }
  /// The same for the ids of items alone.
  void set_vocabulary(Vocabulary items) {
    set_names({std::move(items), names_.user_categories, names_.item_categories});
  }

 protected:
  /// @param name  of the model, for messages   @throws ArgumentError when an option is out of range
  ItemModel(const char* name, const Options& options) : options_(options) { check_options(name, options_); }
  ItemModel(ItemModel&&) noexcept = default;
  ItemModel& operator=(ItemModel&&) noexcept = default;
  ~ItemModel() = default;

  /// For models that need no table of positions: others would read on, and be served with what they were not trained
  /// on.
  /// @throws ShapeError when a history is longer than max_length
  void check_longest(const char* name, index_t longest) const {
    if (longest > max_length())
      throw ShapeError(concatenate(name, ": the longest history has ", longest, " items, expected at most ",
                                   max_length(), "; hint: keep the last max_length items of each history"));
  }

  Options options_;
  ParameterStore<Context> parameters_;  // before the layers of the model, which make their parameters in it

 private:
  static void check_size(const char* what, const Vocabulary& names, index_t most) {
    if (names.size() > most)
      throw ArgumentError(concatenate("set_names: ", names.size(), ' ', what, ", expected at most ", most,
                                      ", as many as the model has"));
  }
  static void keep_read(const char* what, Vocabulary& names, index_t read) {
    if (read == 0) names = {};
    check_size(what, names, read);
  }

  Names names_;
};

/// A model that knows the names behind its numbers.
template <class Model>
concept Named = requires(Model& model, const Model& fixed, Names names) {
  { fixed.names() } -> std::convertible_to<const Names&>;
  model.set_names(names);
};

}  // namespace seqrec
