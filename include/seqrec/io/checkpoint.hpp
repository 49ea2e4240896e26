// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "seqrec/autograd/parameter_set.hpp"
#include "seqrec/core/option_text.hpp"
#include "seqrec/io/metadata.hpp"
#include "seqrec/io/safetensors.hpp"

namespace seqrec {

/// Writes a model: its parameters under PyTorch's names and shapes, its name and options in the file's metadata. The
/// same model gives the same bytes; the file appears whole or not at all.
/// @throws DataError when the file cannot be written
template <class Model>
void save(const std::filesystem::path& path, Model& model) {
  using Context = typename Model::Context;
  using Master = typename Context::Master;
  std::map<std::string, std::string> metadata{{"seqrec.model", Model::name}};
  auto options = model.options();
  options.for_each_option(
      [&](const char* name, const auto& value) { metadata[std::string("option.") + name] = option_text(value); });
  const ParameterSet<Context> parameters(model);
  std::vector<std::vector<Master>> values;
  std::vector<TensorSource> tensors;
  for (const auto& entry : parameters) {
    std::vector<Master>& host = values.emplace_back(static_cast<std::size_t>(entry.size()));
    Memory<typename Context::Space>::copy_to_host(host.data(), entry.values.data, host.size() * sizeof(Master));
    tensors.push_back({entry.name, data_type_of<Master>(), entry.shape, host.data()});
  }
  write_safetensors(path, metadata, tensors);
}

namespace detail {

/// The same model over no memory: what shapes a file must have, known before anything is allocated.
template <class Model>
struct ShapeOnly;
template <template <class> class Model, class Context>
struct ShapeOnly<Model<Context>> {
  struct ShapeContext {
    using Scalar = typename Context::Scalar;
    using Master = typename Context::Master;
    using Space = NoSpace;
  };
  using Type = Model<ShapeContext>;
};

template <class Model>
typename Model::Options read_options(const SafetensorsFile& file) {
  const std::string expected = concatenate("a checkpoint of a ", Model::name, " written by seqrec");
  if (const std::string& name = metadata_field(file, "seqrec.model", expected); name != Model::name)
    throw DataError(concatenate(file.path().string(), ": the file holds a model named ", quote_untrusted(name),
                                ", expected ", Model::name));
  typename Model::Options options;
  options.for_each_option(
      [&](const char* name, auto& value) { parse_metadata(file, std::string("option.") + name, expected, value); });
  return options;
}

/// Checks that the file has exactly the model's parameters, with their types and shapes.
template <class Context, class Model>
void check_parameters(const SafetensorsFile& file, const ParameterSet<Context>& parameters, const Model*) {
  for (const auto& entry : parameters) file.require(entry.name, data_type_of<typename Context::Master>(), entry.shape);
  if (file.tensors().size() == parameters.entries().size()) return;
  for (const StoredTensor& tensor : file.tensors()) {
    bool known = false;
    for (const auto& entry : parameters) known = known || entry.name == tensor.name;
    if (!known)
      throw DataError(concatenate(file.path().string(), ": tensor ", quote_untrusted(tensor.name),
                                  " is not a parameter of this ", Model::name, ", expected only its parameters"));
  }
}

}  // namespace detail

/// Reads a model that `save` wrote; needs nothing but the file: `load<SasRec<cpu::Context>>(path)`. Everything is
/// checked before memory is taken for the model.
/// @throws DataError naming the file and the field or tensor that is not as expected
template <class Model>
Model load(const std::filesystem::path& path) {
  using Context = typename Model::Context;
  using Shapes = typename detail::ShapeOnly<Model>::Type;
  using Master = typename Context::Master;
  SafetensorsFile file(path);
  const auto options = detail::read_options<Model>(file);
  try {
    Shapes shapes(options, InitialValues::zero);
    detail::check_parameters(file, ParameterSet<typename Shapes::Context>(shapes), &shapes);
  } catch (const ArgumentError& error) {
    throw DataError(concatenate(path.string(), ": ", error.what()));
  }
  Model model(options, InitialValues::zero);
  std::vector<Master> host;
  for (const auto& entry : ParameterSet<Context>(model)) {
    host.resize(static_cast<std::size_t>(entry.size()));
    file.read(file.require(entry.name, data_type_of<Master>()), host.data(), host.size() * sizeof(Master));
    Memory<typename Context::Space>::copy_from_host(entry.values.data, host.data(), host.size() * sizeof(Master));
  }
  return model;
}

}  // namespace seqrec
