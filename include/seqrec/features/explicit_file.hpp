// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/features/explicit_facts.hpp"
#include "seqrec/features/feature_schema.hpp"
#include "seqrec/io/json.hpp"
#include "seqrec/io/metadata.hpp"
#include "seqrec/io/names.hpp"
#include "seqrec/io/safetensors.hpp"

namespace seqrec {

// The file of explicit features: a safetensors file. Its metadata hold options, names, titles and schema; its tensors
// the events of each item and three tables from items to items, and nothing that follows from these.

/// @throws DataError when the file cannot be written   @throws ArgumentError for a title that is not UTF-8
SEQREC_FUNCTION void write_explicit_facts(const std::filesystem::path& path, const ExplicitFacts& facts,
                                          const FeatureSchema& schema);

/// Everything is checked: offsets, items and numbers that a row would read.
/// @throws DataError naming file and field or tensor that is not as expected
SEQREC_FUNCTION ExplicitFacts read_explicit_facts(SafetensorsFile& file);

/// @throws DataError unless the file says the schema that its facts give: it was written by another version
inline void check_explicit_schema(const SafetensorsFile& file, const FeatureSchema& schema) {
  const std::string& hash = metadata_field(file, "seqrec.schema_hash", "explicit features written by seqrec");
  if (hash != schema.hash())
    throw DataError(concatenate(file.path().string(), ": the schema of its features has the hash ", quote_bytes(hash),
                                ", expected ", schema.hash(), ": it was written by another version"));
}

#if SEQREC_BODIES

namespace detail {

inline constexpr const char* explicit_file = "explicit features written by seqrec";

/// Reads tensors of a file and says what is wrong with them.
class FactReader {
 public:
  explicit FactReader(SafetensorsFile& file) : file_(file) {}

  bool has(const std::string& name) const { return file_.find(name) != nullptr; }
  [[noreturn]] void fail(const std::string& name, const std::string& problem) const {
    throw DataError(concatenate(file_.path().string(), ": tensor ", name, ": ", problem));
  }

  /// Offsets of so many segments of so many elements.
  template <class Offset>
  std::vector<Offset> offsets(const std::string& name, index_t segments, index_t elements) {
    file_.require(name, data_type_of<Offset>(), std::array<index_t, 1>{segments + 1});
    std::vector<Offset> found = file_.read<Offset>(name);
    if (found.front() != 0 || static_cast<index_t>(found.back()) != elements ||
        !std::is_sorted(found.begin(), found.end()))
      fail(name, concatenate("expected offsets that ascend from 0 to ", elements));
    return found;
  }
  /// Numbers from 0 to limit - 1.
  std::vector<std::int32_t> places(const std::string& name, index_t limit) {
    std::vector<std::int32_t> found = file_.read<std::int32_t>(name);
    for (const std::int32_t place : found)
      if (place < 0 || place >= limit) fail(name, concatenate("has ", place, ", expected 0 .. ", limit - 1));
    return found;
  }
  /// Finite numbers, one for each of so many.
  std::vector<float> numbers(const std::string& name, index_t count) {
    file_.require(name, DataType::f32, std::array<index_t, 1>{count});
    std::vector<float> found = file_.read<float>(name);
    for (const float number : found)
      if (!std::isfinite(number)) fail(name, concatenate("has ", number, ", expected finite numbers"));
    return found;
  }

  ItemWeights weights(const std::string& name, index_t num_items) {
    const std::vector<std::int32_t> items = places(name + ".items", num_items);
    const std::vector<float> values = numbers(name + ".weights", std::ssize(items));
    const auto found = offsets<std::int64_t>(name + ".offsets", num_items, std::ssize(items));
    std::vector<ItemWeights::Entry> entries;
    entries.reserve(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) entries.push_back({items[i], values[i]});
    for (std::size_t row = 0; row + 1 < found.size(); ++row)
      for (std::int64_t i = found[row] + 1; i < found[row + 1]; ++i)
        if (items.data()[i] <= items.data()[i - 1]) fail(name + ".items", "expected ascending items in each row");
    return {std::vector<std::size_t>(found.begin(), found.end()), std::move(entries)};
  }

  ItemEvents::Columns events(index_t num_items) {
    ItemEvents::Columns columns;
    const std::vector<std::int64_t> last = file_.read<std::int64_t>("events.offsets");
    const index_t count = last.empty() || last.back() < 0 ? 0 : last.back();
    columns.offsets = offsets<std::int64_t>("events.offsets", num_items, count);
    if (has("events.ratings")) columns.ratings = numbers("events.ratings", count);
    if (!has("events.times")) return columns;
    file_.require("events.times", DataType::i64, std::array<index_t, 1>{count});
    columns.times = file_.read<std::int64_t>("events.times");
    for (index_t item = 0; item < num_items; ++item)
      if (!std::is_sorted(columns.times.begin() + columns.offsets.data()[item],
                          columns.times.begin() + columns.offsets.data()[item + 1]))
        fail("events.times", concatenate("expected ascending times of item ", item));
    return columns;
  }

  FeatureTable categories(index_t num_items, const Vocabulary& names) {
    FeatureTable table;
    if (!has("categories.offsets")) return table;
    for (index_t i = 0; i < names.size(); ++i) table.names.emplace_back(names[i]);
    table.values = places("categories.values", names.size());
    table.offsets = offsets<offset_t>("categories.offsets", num_items, std::ssize(table.values));
    return table;
  }

 private:
  SafetensorsFile& file_;
};

}  // namespace detail

SEQREC_FUNCTION void write_explicit_facts(const std::filesystem::path& path, const ExplicitFacts& facts,
                                          const FeatureSchema& schema) {
  std::map<std::string, std::string> metadata{{"seqrec.features", "explicit features"},
                                              {"seqrec.schema", schema.text()},
                                              {"seqrec.schema_hash", schema.hash()}};
  write_options(metadata, "option.", facts.options);
  write_names(metadata, facts.names);
  std::string titles = "[";
  for (const std::string& title : facts.items.titles()) titles += (titles.size() > 1 ? "," : "") + quote_json(title);
  metadata["seqrec.titles"] = titles + "]";

  std::vector<TensorSource> tensors;
  const auto add = [&](const std::string& name, const auto& values) {
    using Value = typename std::decay_t<decltype(values)>::value_type;
    tensors.push_back({name, data_type_of<Value>(), {std::ssize(values)}, values.data()});
  };
  struct WeightRows {
    std::vector<std::int64_t> offsets{0};
    std::vector<std::int32_t> items;
    std::vector<float> weights;
  };
  const std::array<std::pair<const char*, const ItemWeights*>, 3> weights{
      {{"follows", &facts.follows},
       {"transitions", &facts.transition_knn.transitions()},
       {"similarities", &facts.item_knn.similarities()}}};
  std::array<WeightRows, 3> tables;
  for (std::size_t i = 0; i < tables.size(); ++i)
    for (item_t item = 0; item < static_cast<item_t>(weights[i].second->num_items()); ++item) {
      for (const ItemWeights::Entry& entry : weights[i].second->row(item)) {
        tables[i].items.push_back(entry.item);
        tables[i].weights.push_back(entry.weight);
      }
      tables[i].offsets.push_back(std::ssize(tables[i].items));
    }
  const ItemEvents::Columns& events = facts.events.columns();
  add("events.offsets", events.offsets);  // eight bytes wide first, so that all are aligned
  if (facts.events.has_times()) add("events.times", events.times);
  for (std::size_t i = 0; i < tables.size(); ++i) add(std::string(weights[i].first) + ".offsets", tables[i].offsets);
  if (facts.events.has_ratings()) add("events.ratings", events.ratings);
  for (std::size_t i = 0; i < tables.size(); ++i) {
    add(std::string(weights[i].first) + ".items", tables[i].items);
    add(std::string(weights[i].first) + ".weights", tables[i].weights);
  }
  if (facts.items.categories()) {
    add("categories.offsets", facts.items.categories().offsets);
    add("categories.values", facts.items.categories().values);
  }
  write_safetensors(path, metadata, tensors);
}

SEQREC_FUNCTION ExplicitFacts read_explicit_facts(SafetensorsFile& file) {
  const std::string path = file.path().string();
  if (const std::string& kind = metadata_field(file, "seqrec.features", detail::explicit_file);
      kind != "explicit features")
    throw DataError(concatenate(path, ": holds ", quote_bytes(kind), ", expected ", detail::explicit_file));
  ExplicitFeatureOptions options;
  read_options(file, "option.", detail::explicit_file, options);
  try {
    check_explicit_options(options);
  } catch (const ArgumentError& error) {
    throw DataError(concatenate(path, ": ", error.what()));
  }
  Names names = read_names(file);
  const index_t num_items = names.items.size();
  std::vector<std::string> titles;
  JsonReader reader(metadata_field(file, "seqrec.titles", detail::explicit_file),
                    path + ": metadata field seqrec.titles");
  reader.array([&] { titles.push_back(reader.string()); });
  reader.finish();
  if (!titles.empty() && std::ssize(titles) != num_items)
    throw DataError(concatenate(path, ": has ", titles.size(), " titles, expected ", num_items, " or none"));
  detail::FactReader facts(file);
  FeatureTable categories = facts.categories(num_items, names.item_categories);
  ItemEvents::Columns events = facts.events(num_items);
  return {options,
          names,
          ItemKnowledge(num_items, std::move(titles), std::move(categories), options.genre, options.year),
          ItemEvents(std::move(events), options.recent_days, options.snapshots),
          facts.weights("follows", num_items),
          TransitionKnn(options.transition_knn, facts.weights("transitions", num_items), names.items),
          ItemKnn(options.item_knn, facts.weights("similarities", num_items), names.items)};
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
