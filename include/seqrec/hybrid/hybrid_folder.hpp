// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "seqrec/core/atomic_file.hpp"
#include "seqrec/core/atomic_folder.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/hash.hpp"
#include "seqrec/core/utf8.hpp"
#include "seqrec/features/explicit_features.hpp"
#include "seqrec/hybrid/hybrid_columns.hpp"
#include "seqrec/hybrid/hybrid_ranker.hpp"
#include "seqrec/io/checkpoint.hpp"
#include "seqrec/io/json.hpp"
#include "seqrec/trees/booster.hpp"

namespace seqrec {

namespace detail {

inline constexpr const char* hybrid_manifest = "hybrid.json";
inline constexpr const char* hybrid_version = "1";

/// What a hybrid's folder says of its parts; all of it is text.
using HybridManifest = std::map<std::string, std::string>;

inline std::string whole_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw DataError(concatenate(path.string(), ": cannot be read, expected a part of a hybrid"));
  return bytes;
}

template <class Model>
inline constexpr bool has_checkpoint = !is_no_model<Model>;

/// The files of a hybrid, with what the manifest calls their hashes.
template <class Model>
std::map<std::string, std::string> hybrid_files() {
  std::map<std::string, std::string> files{{"booster", "booster.txt"}, {"features", "features.safetensors"}};
  if (has_checkpoint<Model>) files["checkpoint"] = "model.safetensors";
  return files;
}

/// What the manifest must say of the parts that lie in a folder.
template <class Model>
HybridManifest manifest_of(const std::filesystem::path& folder, const std::string& schema_hash) {
  HybridManifest manifest{{"version", hybrid_version}, {"model", Model::name}, {"schema", schema_hash}};
  for (const auto& [part, file] : hybrid_files<Model>()) manifest[part] = Hash().add(whole_file(folder / file)).text();
  return manifest;
}

inline std::string text_of(const HybridManifest& manifest) {
  std::string text;
  for (const auto& [key, value] : manifest)
    text += concatenate(text.empty() ? "{\n  " : ",\n  ", quote_json(key), ": ", quote_json(value));
  return text + "\n}\n";
}

/// @throws DataError naming the first thing that the folder does not say, or says otherwise than its files
inline void check_manifest(const std::filesystem::path& path, const HybridManifest& said,
                           const HybridManifest& expected) {
  for (const auto& [key, value] : expected) {
    const auto found = said.find(key);
    if (found == said.end()) throw DataError(concatenate(path.string(), ": has no ", key, ", expected ", value));
    if (found->second != value)
      throw DataError(
          concatenate(path.string(), ": ", key, " is ", quote_bytes(found->second), ", expected ", quote_bytes(value),
                      key == "version" || key == "model" ? "" : ": the folder's parts are not of one hybrid"));
  }
}

}  // namespace detail

/// Writes a hybrid as one folder: the model's checkpoint, the explicit features with all that they count, the booster,
/// and a manifest with the hash of each and of the columns. It appears whole or not at all; an older hybrid there is
/// replaced.
/// @throws DataError when the folder cannot be written, or something else than a hybrid is there; NonFiniteError as
/// save
template <class Model>
void save(const std::filesystem::path& path, const HybridRanker<Model>& ranker) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored) && !std::filesystem::is_empty(path, ignored) &&
      !std::filesystem::exists(path / detail::hybrid_manifest, ignored))
    throw DataError(concatenate(path.string(), ": is a folder without ", detail::hybrid_manifest,
                                ", expected none, an empty one, or a hybrid to replace"));
  AtomicFolder folder(path);
  auto files = detail::hybrid_files<Model>();
  if constexpr (detail::has_checkpoint<Model>) save(folder.temporary() / files["checkpoint"], ranker.model());
  ranker.features().save(folder.temporary() / files["features"]);
  ranker.booster().save(folder.temporary() / files["booster"]);
  auto manifest = detail::manifest_of<Model>(folder.temporary(), ranker.columns().schema().hash());
  if (ranker.columns().shows_interest()) manifest["interest"] = "true";
  write_file_atomically(folder.temporary() / detail::hybrid_manifest, detail::text_of(manifest));
  folder.commit();
}

/// Reads a hybrid that `save` wrote: `load_hybrid<Din<cpu::Context>>(folder)`. It needs nothing but the folder.
/// @throws DataError for a part that is missing, another's or changed, another model or version; TreeError for a
/// booster of
///         other columns
template <class Model>
HybridRanker<Model> load_hybrid(const std::filesystem::path& path) {
  const std::filesystem::path manifest_path = path / detail::hybrid_manifest;
  const std::string text = detail::whole_file(manifest_path);
  JsonReader reader(text, manifest_path.string());
  const detail::HybridManifest said = reader.strings();
  reader.finish();
  // First who wrote it and for which model: another version may have other files.
  detail::check_manifest(manifest_path, said, {{"version", detail::hybrid_version}, {"model", Model::name}});
  const auto schema = said.find("schema");
  detail::check_manifest(manifest_path, said,
                         detail::manifest_of<Model>(path, schema == said.end() ? "a hash" : schema->second));

  auto files = detail::hybrid_files<Model>();
  std::shared_ptr<const Model> model;
  if constexpr (detail::has_checkpoint<Model>)
    model = std::make_shared<const Model>(load<Model>(path / files["checkpoint"]));
  else
    model = std::make_shared<const Model>();
  ExplicitFeatures features = ExplicitFeatures::load(path / files["features"]);
  Booster booster = Booster::load(path / files["booster"]);
  try {
    HybridColumns<Model> columns(std::move(model), std::move(features), said.contains("interest"));
    detail::check_manifest(manifest_path, said, {{"schema", columns.schema().hash()}});
    return HybridRanker<Model>(std::move(columns), std::move(booster));
  } catch (const ArgumentError& error) {
    throw DataError(concatenate(path.string(), ": ", error.what()));
  }
}

}  // namespace seqrec
