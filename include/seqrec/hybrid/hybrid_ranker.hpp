// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/data/known_features.hpp"
#include "seqrec/data/splits/split.hpp"
#include "seqrec/features/feature_moment.hpp"
#include "seqrec/hybrid/hybrid_columns.hpp"
#include "seqrec/serve/known_user.hpp"
#include "seqrec/trees/booster.hpp"
#include "seqrec/trees/tree_rows.hpp"

namespace seqrec {

/// A ranker that explains itself: trees over a trained model's score and explicit features of user, moment and
/// candidate. train_hybrid makes one. Read-only, so threads can share it; a copy shares everything.
///
/// A user without history has no deep score: it is a missing value, and the trees go by what else is known.
/// @tparam Model  any that scores candidates (Din first), or NoModel for explicit features alone
template <class Model>
class HybridRanker {
 public:
  using Context = typename Model::Context;

  /// @throws TreeError unless the booster was trained on exactly these columns
  HybridRanker(HybridColumns<Model> columns, Booster booster)
      : columns_(std::make_shared<const HybridColumns<Model>>(std::move(columns))), booster_(std::move(booster)) {
    booster_.check_columns(columns_->names(), "the hybrid's rows");
  }

  const HybridColumns<Model>& columns() const { return *columns_; }
  const Booster& booster() const { return booster_; }
  const Model& model() const { return columns_->model(); }
  const ExplicitFeatures& features() const { return columns_->features(); }
  index_t num_items() const { return columns_->num_items(); }
  /// The original ids behind the numbers.
  Names names() const {
    if constexpr (requires { model().names(); })
      return {features().names().items, model().names().user_categories, model().names().item_categories};
    else
      return {features().names().items, {}, {}};
  }

  /// What one thread needs to score, kept from request to request.
  class Scorer {
   public:
    /// @param ranker    must stay as long as this
    /// @param features  of users and items, for models that read them (known_features)
    explicit Scorer(const HybridRanker& ranker, const Features<HostSpace>& features = {})
        : ranker_(&ranker), rows_(ranker.columns(), features) {}

    /// Raw scores: they rank, and contributions add up to them.
    /// @param profile  the user's segment of the features of users, for models that read them; -1 without
    /// @return (candidates)
    /// @throws DataError      for an item that model and features do not have
    /// @throws NonFiniteError where the model's score is NaN or infinite
    std::vector<double> operator()(Context& context, const FeatureMoment& moment, std::span<const item_t> candidates,
                                   user_t profile = -1) {
      return ranker_->booster().scores(TreeRows<float>{rows(context, moment, candidates, profile), columns()});
    }

    /// What the trees are shown.   @return (candidates, columns().schema().size()), valid until the next call
    std::span<const float> rows(Context& context, const FeatureMoment& moment, std::span<const item_t> candidates,
                                user_t profile = -1) {
      return rows_.rows(context, moment, profile, candidates);
    }

   private:
    index_t columns() const { return ranker_->columns().schema().size(); }

    const HybridRanker* ranker_;
    typename HybridColumns<Model>::Worker rows_;
  };

  /// For evaluate (evaluate/evaluate_events.hpp): a context of its own, and what the data knows of users and items.
  class Worker {
   public:
    explicit Worker(const HybridRanker& ranker) : ranker_(&ranker) {}

    void score(const HeldOut& held_out, index_t i, std::span<const item_t> candidates, std::span<double> scores) {
      if (data_ != held_out.data.get()) {
        scorer_ = std::make_unique<Scorer>(*ranker_, known_features(*held_out.data));
        data_ = held_out.data.get();
      }
      const auto found =
          (*scorer_)(context_, moment_of(held_out, i), candidates, static_cast<user_t>(held_out.users.data()[i]));
      std::copy(found.begin(), found.end(), scores.begin());
    }

   private:
    const HybridRanker* ranker_;
    Context context_;
    const Dataset* data_ = nullptr;
    std::unique_ptr<Scorer> scorer_;
  };
  Worker worker() const { return Worker(*this); }

 private:
  std::shared_ptr<const HybridColumns<Model>> columns_;
  Booster booster_;
};

/// The raw scores of candidates at a moment, in their order.
/// @param context the caller's, reset here   @param user  for models that read features of users and items
/// @throws as HybridRanker::Scorer
template <class Model>
std::vector<double> score(const HybridRanker<Model>& ranker, typename Model::Context& context,
                          const FeatureMoment& moment, std::span<const item_t> candidates, const KnownUser& user = {}) {
  typename HybridRanker<Model>::Scorer scorer(ranker, user.features);
  return scorer(context, moment, candidates, user.profile);
}

/// The same after a history of which nothing else is known than its times, if these are given.
template <class Model>
std::vector<double> score(const HybridRanker<Model>& ranker, typename Model::Context& context,
                          std::span<const item_t> history, std::span<const item_t> candidates,
                          const KnownUser& user = {}) {
  FeatureMoment moment;
  moment.history = history;
  moment.times = user.times;
  return score(ranker, context, moment, candidates, user);
}

}  // namespace seqrec
