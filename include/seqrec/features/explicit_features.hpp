// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "seqrec/core/names.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/data/splits/split.hpp"
#include "seqrec/features/explicit_options.hpp"
#include "seqrec/features/feature_moment.hpp"
#include "seqrec/features/feature_schema.hpp"

namespace seqrec {

class ExplicitFeatures;

/// What ExplicitFeatures needs while it works, one for each thread. Made once, it is used for any number of moments.
class FeatureWorkspace {
 public:
  explicit FeatureWorkspace(const ExplicitFeatures& features);
};

/// Some fifty numbers that a person understands, of a user, a moment and a candidate.
class ExplicitFeatures {
 public:
  static constexpr const char* name = "explicit features";

  /// Learns its tables from the split's training events, and nothing from others.
  explicit ExplicitFeatures(const Split& split, const ExplicitFeatureOptions& options = {});

  const ExplicitFeatureOptions& options() const;
  const FeatureSchema& schema() const;
  /// Ids of the items, names of the categories of users and items.
  const Names& names() const;
  index_t num_items() const;
  /// Title of an item, its id where it has none.
  std::string title(item_t item) const;

  /// One row a candidate.
  /// @param out  (candidates, schema().size()) row-major
  void rows(const FeatureMoment& moment, std::span<const item_t> candidates, std::span<float> out,
            FeatureWorkspace& workspace) const;

  /// What is there and what is missing, in a line.
  std::string describe() const;
  /// Tells the tables, options and schemas of two apart.
  std::string hash() const;

  void save(const std::filesystem::path& path) const;
  static ExplicitFeatures load(const std::filesystem::path& path);
};

/// The sentence of one column of one row, with this user's own numbers.
/// @param row     (schema().size()) of `candidate`, as rows() wrote it for this moment
std::string sentence_of(const ExplicitFeatures& features, const FeatureMoment& moment, item_t candidate,
                        std::span<const float> row, index_t column);

}  // namespace seqrec
