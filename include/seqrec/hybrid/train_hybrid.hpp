// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/core/utf8.hpp"
#include "seqrec/data/splits/split.hpp"
#include "seqrec/evaluate/candidate_lists.hpp"
#include "seqrec/features/explicit_features.hpp"
#include "seqrec/hybrid/event_rows.hpp"
#include "seqrec/hybrid/fold.hpp"
#include "seqrec/hybrid/hybrid_columns.hpp"
#include "seqrec/hybrid/hybrid_options.hpp"
#include "seqrec/hybrid/hybrid_ranker.hpp"
#include "seqrec/trees/train_booster.hpp"

namespace seqrec {

/// What training a hybrid did.
template <class Model>
struct TrainedHybrid {
  HybridRanker<Model> ranker;
  index_t events = 0, rows = 0;      ///< that trees learned from
  index_t trees = 0;                 ///< the best round
  std::vector<double> validation{};  ///< BoosterOptions::metric after each round
  double model_seconds = 0, row_seconds = 0, tree_seconds = 0;
};

namespace detail {

/// Which columns an option names, by themselves or as a group.
/// @throws ArgumentError for a name that is neither
inline std::vector<index_t> named_columns(const FeatureSchema& schema, std::string_view names) {
  std::vector<index_t> columns;
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find(','));
    names.remove_prefix(std::min(name.size() + 1, names.size()));
    const std::size_t before = columns.size();
    for (index_t c = 0; c < schema.size(); ++c)
      if (schema[c].name == name || name_of(schema[c].group) == name) columns.push_back(c);
    if (columns.size() == before)
      throw ArgumentError(concatenate("hybrid without is ", quote_bytes(name),
                                      ", expected a column, or one of deep, user, item, sequence, time and cross"));
  }
  return columns;
}

/// Makes columns missing throughout: nothing can be learned from what never differs, so trees do not ask about them.
inline void hide(EventRows& rows, const std::vector<index_t>& columns) {
  for (std::size_t row = 0; row < rows.labels.size(); ++row)
    for (const index_t column : columns)
      rows.values[row * static_cast<std::size_t>(rows.columns) + static_cast<std::size_t>(column)] =
          std::numeric_limits<float>::quiet_NaN();
}

}  // namespace detail

/// Trains trees over a model's scores and explicit features, out of fold: on events that the model has not been trained
/// on, because what it says of those it has seen is too good to be true, and trees would believe it. Then model and
/// features are made anew of everything before validation, and the trees are kept.
///
/// Trees stop by the validation events, whose rows come from the fold's model: the final one was chosen on them.
/// With refit = false model and features stay those of the fold: what reads the model's interest needs that, whose
/// numbers mean something else in every model. With out_of_fold = false there is one model, trained on the events that
/// trees learn from: to show what that costs.
/// @param fit  fit(split) trains a model on a split's training events, chosen by its validation, and returns a
///             std::shared_ptr to it; it is called with the fold and then with `split`. That of NoModel makes just one
/// @param validation  frozen lists of `split.validation`; null draws as many negatives as for training
/// @throws ArgumentError, DataError as make_fold and ExplicitFeatures, NonFiniteError for a model's score, TreeError as
///         train_booster
template <class Fit>
auto train_hybrid(const Split& split, const HybridOptions& options, Fit&& fit,
                  const CandidateLists* validation = nullptr, const TreeListeners& listeners = {}) {
  using Model = std::remove_cv_t<typename decltype(fit(split))::element_type>;
  const Fold fold = make_fold(split, options);
  auto seconds = [begin = std::chrono::steady_clock::now()]() mutable {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - std::exchange(begin, now)).count();
  };
  const auto columns_from = [&](const Split& trained, const Split& counted) {
    const bool interest = options.interest && !detail::is_no_model<Model>;
    return HybridColumns<Model>(fit(trained), ExplicitFeatures(counted, options.features), interest);
  };
  std::optional<HybridColumns<Model>> final_columns;
  if (!options.out_of_fold) final_columns.emplace(columns_from(split, split));
  const HybridColumns<Model> columns = final_columns ? *final_columns : columns_from(fold.model, fold.counts);
  double model_seconds = seconds();

  const EventLists lists = draw_event_lists(fold.model.test, split, options.negatives, options.seed);
  const std::vector<index_t> hidden = detail::named_columns(columns.schema(), options.without);
  EventRows rows = event_rows(columns, fold.model.test, lists, options.threads);
  detail::hide(rows, hidden);
  const EventLists validation_lists = validation != nullptr
                                          ? event_lists(split.validation, *validation)
                                          : draw_event_lists(split.validation, split, options.negatives, options.seed);
  EventRows validation_rows = event_rows(columns, split.validation, validation_lists, options.threads);
  detail::hide(validation_rows, hidden);
  const double row_seconds = seconds();

  const TreeData training({columns.names(), columns.categorical()}, rows.rows(), rows.targets(), options.booster);
  const TreeData held_out(training, validation_rows.rows(), validation_rows.targets(), options.booster);
  TrainedBooster trained = train_booster(training, &held_out, options.booster, listeners);
  const double tree_seconds = seconds();

  if (!final_columns) final_columns.emplace(options.refit ? columns_from(split, split) : columns);
  model_seconds += seconds();
  return TrainedHybrid<Model>{HybridRanker<Model>(std::move(*final_columns), std::move(trained.booster)),
                              lists.size(),
                              std::ssize(rows.labels),
                              trained.best_round,
                              std::move(trained.validation),
                              model_seconds,
                              row_seconds,
                              tree_seconds};
}

}  // namespace seqrec
