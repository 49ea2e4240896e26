// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "seqrec/autograd/parameter_store.hpp"
#include "seqrec/core/utf8.hpp"
#include "seqrec/io/metadata.hpp"
#include "seqrec/io/names.hpp"
#include "seqrec/io/real_tensor.hpp"
#include "seqrec/io/safetensors.hpp"

namespace seqrec {

namespace detail {

template <class Model>
concept knows_names = requires(Model& model, const Model& fixed) {
  model.set_names(fixed.names());
};

}  // namespace detail

/// Writes a model: its parameters under PyTorch's names and shapes; its name, its options and the names of its items
/// and categories in the file's metadata. The same model gives the same bytes; the file appears whole or not at all.
/// What was saved loads again, or it is not saved.
/// @throws DataError when the file cannot be written   @throws NonFiniteError for a weight that `load` would refuse
template <class Model>
void save(const std::filesystem::path& path, const Model& model) {
  using Context = typename Model::Context;
  using Master = typename Context::Master;
  std::map<std::string, std::string> metadata{{"seqrec.model", Model::name}};
  write_options(metadata, "option.", model.options());
  if constexpr (detail::knows_names<Model>) write_names(metadata, model.names());
  const ParameterStore<Context>& parameters = model.parameters();
  const std::vector<Master> values = parameters.to_host();
  std::vector<TensorSource> tensors;
  for (const ParameterEntry& entry : parameters.entries()) {
    const std::span<const Master> weights(values.data() + entry.offset, static_cast<std::size_t>(entry.size()));
    if (const std::string bad = first_bad_number(weights, entry.shape); !bad.empty())
      throw NonFiniteError(concatenate("save ", path.string(), ": ", entry.name, bad, ", expected a finite number"));
    tensors.push_back({entry.name, data_type_of<Master>(), entry.shape, weights.data()});
  }
  write_safetensors(path, metadata, tensors);
}

namespace detail {

template <class Model>
typename Model::Options options_of(const SafetensorsFile& file) {
  const std::string expected = concatenate("a checkpoint of a ", Model::name, " written by seqrec");
  if (const std::string& name = metadata_field(file, "seqrec.model", expected); name != Model::name)
    throw DataError(concatenate(file.path().string(), ": the file holds a model named ", quote_bytes(name),
                                ", expected ", Model::name));
  typename Model::Options options;
  read_options(file, "option.", expected, options);
  return options;
}

/// Checks that the file has exactly the model's parameters, with their shapes and with types that it holds.
template <class Model>
void check_parameters(const SafetensorsFile& file, const Model& model, Precision precision) {
  const std::vector<ParameterEntry>& entries = model.parameters().entries();
  std::set<std::string_view> names;
  for (const ParameterEntry& entry : entries) {
    require_real<typename Model::Context::Master>(file, entry.name, entry.shape, precision);
    names.insert(entry.name);
  }
  for (const StoredTensor& tensor : file.tensors())
    if (!names.contains(tensor.name))
      throw DataError(concatenate(file.path().string(), ": tensor ", quote_bytes(tensor.name),
                                  " is not a parameter of this ", Model::name, ", expected only its parameters"));
}

/// A model with the file's options and no memory yet.
template <class Model>
Model lay_out(const SafetensorsFile& file) {
  const auto options = options_of<Model>(file);
  try {
    return Model(options, InitialValues::none);
  } catch (const ArgumentError& error) {
    throw DataError(concatenate(file.path().string(), ": ", error.what()));
  }
}

}  // namespace detail

/// Reads a model that `save` wrote; needs nothing but the file: `load<SasRec<cpu::Context>>(path)`. Everything is
/// checked before memory is taken for the model. Floats load into a model of doubles, and halves (F16, BF16) into both,
/// exactly.
/// @param precision  whether doubles may be rounded to a model of floats
/// @throws DataError naming the file and the field or tensor that is not as expected, or the first weight that is not
///         finite
template <class Model>
Model load(const std::filesystem::path& path, Precision precision = Precision::exact) {
  using Context = typename Model::Context;
  using Master = typename Context::Master;
  SafetensorsFile file(path);
  Model model = detail::lay_out<Model>(file);
  detail::check_parameters(file, model, precision);
  ParameterStore<Context>& parameters = model.parameters();
  parameters.allocate();
  std::vector<Master> values(static_cast<std::size_t>(parameters.size()), Master(0));
  for (const ParameterEntry& entry : parameters.entries())
    read_real(file, *file.find(entry.name), values.data() + entry.offset);
  parameters.copy_from_host(values);
  if constexpr (detail::knows_names<Model>) {
    try {
      model.set_names(read_names(file));
    } catch (const ArgumentError& error) {
      throw DataError(concatenate(path.string(), ": ", error.what()));
    }
  }
  return model;
}

}  // namespace seqrec
