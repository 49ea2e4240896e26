// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/features.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/core/utf8.hpp"
#include "seqrec/features/explicit_features.hpp"
#include "seqrec/features/feature_moment.hpp"
#include "seqrec/features/feature_schema.hpp"
#include "seqrec/hybrid/deep_scorer.hpp"

namespace seqrec {

/// All that trees know of (user, moment, candidate): what a trained model says, then explicit features.
/// @tparam Model  any that scores candidates, or NoModel
template <class Model>
class HybridColumns {
 public:
  using Context = typename Model::Context;

  /// @param interest  whether the model's interest is among the columns, see deep_columns
  /// @throws ArgumentError for a null, another number of items, an item's id that model and features have under
  /// different numbers, or an interest that the model does not show
  HybridColumns(std::shared_ptr<const Model> model, ExplicitFeatures features, bool interest = false)
      : model_(std::move(model)), features_(std::move(features)), interest_(interest) {
    check_argument(model_ != nullptr, "hybrid model", "null", "a model");
    if constexpr (requires { model_->num_items(); })
      check_argument(model_->num_items() == features_.num_items(), "hybrid items of the model", model_->num_items(),
                     concatenate(features_.num_items(), " as in the explicit features").c_str());
    if constexpr (requires { model_->names(); }) {
      const Vocabulary &of_model = model_->names().items, &of_features = features_.names().items;
      const index_t number = of_model.empty() ? of_features.size() : of_model.first_difference(of_features);
      if (number != of_features.size())
        throw ArgumentError(concatenate("hybrid: item ", number, " is ", quote_bytes(of_features[number]),
                                        " in the explicit features and another one in the model, expected the same"));
    }
    schema_ = FeatureSchema(deep_columns(*model_, interest)) + features_.schema();
  }

  const FeatureSchema& schema() const { return schema_; }
  const Model& model() const { return *model_; }
  const ExplicitFeatures& features() const { return features_; }
  index_t num_items() const { return features_.num_items(); }
  bool shows_interest() const { return interest_; }
  /// How many of the columns are the model's: the first ones.
  index_t num_deep() const { return schema_.size() - features_.schema().size(); }

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const FeatureColumn& column : schema_.columns()) names.push_back(column.name);
    return names;
  }
  /// Columns whose numbers are names.
  std::vector<index_t> categorical() const {
    std::vector<index_t> found;
    for (index_t c = 0; c < schema_.size(); ++c)
      if (schema_[c].is_category()) found.push_back(c);
    return found;
  }

  /// Fills rows, for one thread; the columns must stay as long.
  class Worker {
   public:
    /// @param features  of users and items, for models that read them
    explicit Worker(const HybridColumns& of, const Features<HostSpace>& features = {})
        : of_(&of), deep_(of.model(), features, of.shows_interest()), workspace_(of.features()) {}

    /// @param profile  the user's segment of the features of users, for models that read them
    /// @return (candidates, schema().size()), valid until the next call
    /// @throws as DeepScorer
    std::span<const float> rows(Context& context, const FeatureMoment& moment, user_t profile,
                                std::span<const item_t> candidates) {
      const index_t columns = of_->schema().size(), deep = of_->num_deep();
      const auto count = static_cast<index_t>(candidates.size());
      rows_.resize(static_cast<std::size_t>(count * columns));
      explicit_.resize(static_cast<std::size_t>(count * (columns - deep)));
      deep_(context, {moment.history, candidates, profile, moment.times}, rows_, columns);
      of_->features().rows(moment, candidates, explicit_, workspace_);
      for (index_t c = 0; c < count; ++c)
        std::copy_n(explicit_.data() + c * (columns - deep), columns - deep, rows_.data() + c * columns + deep);
      return rows_;
    }

   private:
    const HybridColumns* of_;
    DeepScorer<Model> deep_;
    FeatureWorkspace workspace_;
    std::vector<float> rows_, explicit_;
  };

 private:
  std::shared_ptr<const Model> model_;
  ExplicitFeatures features_;
  bool interest_;
  FeatureSchema schema_;
};

}  // namespace seqrec
