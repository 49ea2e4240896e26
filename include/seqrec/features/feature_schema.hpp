// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "seqrec/core/compiled.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/hash.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/features/feature_column.hpp"
#include "seqrec/io/json.hpp"

namespace seqrec {

/// The columns of a table of features in their order. What was trained on one schema understands no other: compare
/// hashes.
class FeatureSchema {
 public:
  /// Counts up when a column's numbers come to mean something else under the same name.
  static constexpr index_t version = 1;

  FeatureSchema() = default;
  /// @throws ArgumentError for a name that is empty or there twice
  explicit FeatureSchema(std::vector<FeatureColumn> columns) : columns_(std::move(columns)) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      check_argument(!columns_[i].name.empty(), "FeatureSchema name", "empty", "some text");
      if (!places_.emplace(columns_[i].name, static_cast<index_t>(i)).second)
        throw ArgumentError(concatenate("FeatureSchema: column ", columns_[i].name, " is there twice"));
    }
  }

  index_t size() const { return std::ssize(columns_); }
  const std::vector<FeatureColumn>& columns() const { return columns_; }
  const FeatureColumn& operator[](index_t column) const { return columns_[static_cast<std::size_t>(column)]; }

  /// The place of a column; none where there is no such column.
  std::optional<index_t> find(std::string_view name) const {
    const auto place = places_.find(std::string(name));
    return place == places_.end() ? std::nullopt : std::optional(place->second);
  }
  /// @throws ArgumentError where there is no such column
  index_t place_of(std::string_view name) const {
    const auto place = find(name);
    if (!place) throw ArgumentError(concatenate("FeatureSchema: there is no column ", name));
    return *place;
  }

  /// Tells schemas apart: the version and every column's name, unit, group and values. Labels and sentences do not
  /// count, so that they can be worded better without training again.
  std::string hash() const {
    Hash hash;
    hash.add(version).add(size());
    for (const FeatureColumn& column : columns_) {
      hash.add(column.name).add(0).add(column.unit).add(0).add(static_cast<index_t>(column.group));
      for (const std::string& value : column.values) hash.add(value).add(0);
    }
    return hash.text();
  }

  /// All of it as JSON, for files; equal schemas give equal text.
  std::string text() const;
  /// Reads what text() wrote.
  /// @param source  begins error messages   @throws DataError for another text, or one of another version
  static FeatureSchema from_text(std::string_view text, const std::string& source);

 private:
  std::vector<FeatureColumn> columns_;
  std::unordered_map<std::string, index_t> places_;
};

/// The columns of one schema, then those of another.
/// @throws ArgumentError for a name that both have
inline FeatureSchema operator+(const FeatureSchema& first, const FeatureSchema& second) {
  std::vector<FeatureColumn> columns = first.columns();
  columns.insert(columns.end(), second.columns().begin(), second.columns().end());
  return FeatureSchema(std::move(columns));
}

#if SEQREC_BODIES

SEQREC_FUNCTION std::string FeatureSchema::text() const {
  std::string text = concatenate("{\"version\":", version, ",\"columns\":[");
  for (const FeatureColumn& column : columns_) {
    text += concatenate(&column == columns_.data() ? "" : ",", "{\"name\":", quote_json(column.name),
                        ",\"label\":", quote_json(column.label), ",\"unit\":", quote_json(column.unit),
                        ",\"group\":", quote_json(name_of(column.group)), ",\"sentence\":", quote_json(column.sentence),
                        ",\"values\":[");
    for (std::size_t i = 0; i < column.values.size(); ++i) text += (i == 0 ? "" : ",") + quote_json(column.values[i]);
    text += "]}";
  }
  return text + "]}";
}

SEQREC_FUNCTION FeatureSchema FeatureSchema::from_text(std::string_view text, const std::string& source) {
  JsonReader reader(text, source);
  std::vector<FeatureColumn> columns;
  const auto group_named = [&](const std::string& name) {
    const auto names = names_of(FeatureGroup{});
    for (std::size_t i = 0; i < names.size(); ++i)
      if (name == names[i]) return static_cast<FeatureGroup>(i);
    reader.fail(
        concatenate("group is ", quote_bytes(name), ", expected one of deep, user, item, sequence, time, cross"));
  };
  const auto read_column = [&] {
    FeatureColumn& column = columns.emplace_back();
    reader.object([&](const std::string& key) {
      if (key == "values")
        reader.array([&] { column.values.push_back(reader.string()); });
      else if (key == "group")
        column.group = group_named(reader.string());
      else if (key == "name")
        column.name = reader.string();
      else if (key == "label")
        column.label = reader.string();
      else if (key == "unit")
        column.unit = reader.string();
      else if (key == "sentence")
        column.sentence = reader.string();
      else
        reader.fail(
            concatenate("a column has ", quote_bytes(key), ", expected name, label, unit, group, sentence or values"));
    });
  };
  index_t found = 0;
  reader.object([&](const std::string& key) {
    if (key == "version")
      found = reader.integer();
    else if (key == "columns")
      reader.array(read_column);
    else
      reader.fail(concatenate("a schema of features has ", quote_bytes(key), ", expected version or columns"));
  });
  reader.finish();
  if (found != version)
    throw DataError(concatenate(source, ": version of the features is ", found, ", expected ", version));
  try {
    return FeatureSchema(std::move(columns));
  } catch (const ArgumentError& error) {
    throw DataError(concatenate(source, ": ", error.what()));
  }
}

#endif  // SEQREC_BODIES

}  // namespace seqrec
