// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/core/errors.hpp"
#include "seqrec/core/options.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/features/feature_column.hpp"
#include "seqrec/features/feature_moment.hpp"
#include "seqrec/features/sentence.hpp"
#include "seqrec/hybrid/hybrid_ranker.hpp"
#include "seqrec/serve/attention_weights.hpp"
#include "seqrec/serve/known_user.hpp"
#include "seqrec/trees/decision_path.hpp"

namespace seqrec {

/// How much of an explanation is wanted.
struct ExplainOptions {
  index_t reasons = 6;  ///< sentences for an item, and as many against it
  index_t paths = 3;
  index_t watched = 5;

  template <class Visitor>
  void visit_options(Visitor&& visit) {
    visit("reasons", reasons, at_least(0), "sentences that speak for an item, and at most as many against it");
    visit("paths", paths, at_least(0), "trees whose questions and answers are shown, those that say most");
    visit("watched", watched, at_least(0), "events of the history that weighed most, where a model weighs them");
  }
};

/// One feature of one item, in words.
struct Reason {
  index_t column = 0;
  double value = 0;         ///< NaN where nothing is known
  double contribution = 0;  ///< to the score
  std::string sentence;     ///< with this user's own numbers
};

/// An event of the history and how much it weighed in the model's score.
struct Watched {
  index_t position = 0;  ///< in the moment's history
  item_t item = 0;
  double weight = 0;
};

/// Why a hybrid gives an item its score.
struct Explanation {
  item_t item = 0;
  double score = 0;                     ///< raw: expected plus all contributions, to rounding
  double expected = 0;                  ///< what the trees say on average
  std::vector<float> row;               ///< (columns) what the trees were shown
  std::vector<double> contributions{};  ///< (columns) Shapley values by TreeSHAP
  std::array<double, std::size(names_of(FeatureGroup{}))> groups{};  ///< their sums by group
  std::vector<Reason> reasons_for{}, reasons_against{};              ///< strongest first
  std::vector<DecisionPath> paths{};                                 ///< of the trees that say most, strongest first
  std::vector<Watched> watched{};  ///< heaviest first; none of models that do not look at the history through the item
};

/// The sentence of a column of a hybrid's row: a model's own, or an explicit feature's.
/// @param row (columns of the hybrid)   @throws ShapeError for another size   @throws ArgumentError for no such column
template <class Model>
std::string sentence_of(const HybridRanker<Model>& ranker, const FeatureMoment& moment, item_t candidate,
                        std::span<const float> row, index_t column) {
  const FeatureSchema& schema = ranker.columns().schema();
  const index_t deep = ranker.columns().num_deep();
  check_extent("sentence_of", "columns of the row", std::ssize(row), schema.size());
  check_argument(column >= 0 && column < schema.size(), "sentence_of column", column, "one of the hybrid's");
  if (column >= deep)
    return sentence_of(ranker.features(), moment, candidate, row.subspan(static_cast<std::size_t>(deep)),
                       column - deep);
  const auto value = static_cast<double>(row[static_cast<std::size_t>(column)]);
  if (std::isnan(value)) return concatenate("The network knows nothing of you yet.");
  return fill_sentence(schema[column].sentence, [&](std::string_view) { return number_text(value); }) + ".";
}

namespace detail {

/// The columns whose contributions go one way, farthest from 0 first; of equal ones the earlier column.
inline std::vector<index_t> strongest_columns(std::span<const double> contributions, bool positive, index_t most) {
  std::vector<index_t> columns;
  for (index_t c = 0; c < std::ssize(contributions); ++c) {
    const double value = contributions[static_cast<std::size_t>(c)];
    if (positive ? value > 0 : value < 0) columns.push_back(c);
  }
  std::stable_sort(columns.begin(), columns.end(), [&](index_t a, index_t b) {
    return std::abs(contributions[static_cast<std::size_t>(a)]) > std::abs(contributions[static_cast<std::size_t>(b)]);
  });
  columns.resize(static_cast<std::size_t>(std::min(most, std::ssize(columns))));
  return columns;
}

/// The events that weighed most in what a model says of an item.
template <class Model>
std::vector<Watched> heaviest_events([[maybe_unused]] const Model& model,
                                     [[maybe_unused]] typename Model::Context& context,
                                     [[maybe_unused]] const FeatureMoment& moment, [[maybe_unused]] item_t item,
                                     [[maybe_unused]] const KnownUser& user, [[maybe_unused]] index_t most) {
  std::vector<Watched> events;
  if constexpr (requires { typename Model::Explained; }) {
    if (moment.history.empty() || most == 0) return events;
    KnownUser asking = user;
    asking.times = moment.times;
    const auto weights = attention_weights(model, context, moment.history, item, asking);
    const index_t first = std::ssize(moment.history) - std::ssize(weights);
    for (index_t i = 0; i < std::ssize(weights); ++i)
      events.push_back({first + i, moment.history[static_cast<std::size_t>(first + i)],
                        static_cast<double>(weights[static_cast<std::size_t>(i)])});
    std::stable_sort(events.begin(), events.end(),
                     [](const Watched& a, const Watched& b) { return a.weight > b.weight; });
    events.resize(static_cast<std::size_t>(std::min(most, std::ssize(events))));
  }
  return events;
}

}  // namespace detail

/// Why each item has its score at a moment, in the order of `items`: contributions that add up to the score, the
/// strongest of them as sentences, the way through the trees that say most, and what of the history weighed most.
/// @param context the caller's, reset here   @param user  for models that read features of users and items
/// @throws as HybridRanker::Scorer, ArgumentError for an option out of range
template <class Model>
std::vector<Explanation> explain(const HybridRanker<Model>& ranker, typename Model::Context& context,
                                 const FeatureMoment& moment, std::span<const item_t> items,
                                 const ExplainOptions& options = {}, const KnownUser& user = {}) {
  check_options("explain", options);
  const FeatureSchema& schema = ranker.columns().schema();
  const auto columns = static_cast<std::size_t>(schema.size());
  typename HybridRanker<Model>::Scorer scorer(ranker, user.features);
  const std::span<const float> rows = scorer.rows(context, moment, items, user.profile);
  const TreeRows<float> shown{rows, schema.size()};
  const std::vector<double> scores = ranker.booster().scores(shown);
  const std::vector<double> contributions = ranker.booster().contributions(shown);  // (items, columns + 1)

  std::vector<Explanation> explanations(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    Explanation& of = explanations[i];
    const std::span<const double> own = std::span(contributions).subspan(i * (columns + 1), columns + 1);
    of.item = items[i];
    of.score = scores[i];
    of.expected = own.back();
    of.row.assign(rows.begin() + static_cast<index_t>(i * columns),
                  rows.begin() + static_cast<index_t>((i + 1) * columns));
    of.contributions.assign(own.begin(), own.end() - 1);
    for (std::size_t c = 0; c < columns; ++c)
      of.groups[static_cast<std::size_t>(schema[static_cast<index_t>(c)].group)] += own[c];
    for (const bool positive : {true, false})
      for (const index_t column : detail::strongest_columns(of.contributions, positive, options.reasons))
        (positive ? of.reasons_for : of.reasons_against)
            .push_back({column, static_cast<double>(of.row[static_cast<std::size_t>(column)]),
                        of.contributions[static_cast<std::size_t>(column)],
                        sentence_of(ranker, moment, of.item, of.row, column)});
    of.paths = strongest_paths(ranker.booster(), std::span<const float>(of.row), options.paths);
    of.watched = detail::heaviest_events(ranker.model(), context, moment, of.item, user, options.watched);
  }
  return explanations;
}

/// How much a column matters: to the trees when they grew, and to the scores of some rows.
struct Importance {
  index_t column = 0;
  double gain = 0;               ///< of all its splits, in training
  double mean_contribution = 0;  ///< mean of |contribution| over rows
};

/// Of every column, those that move scores most first.
/// @param rows  some that are typical, (N, columns)   @throws as Booster::contributions
template <class Real>
std::vector<Importance> importance(const Booster& booster, const TreeRows<Real>& rows, index_t threads = 1) {
  const std::vector<double> gains = booster.gains(), contributions = booster.contributions(rows, threads);
  const std::size_t columns = gains.size();
  std::vector<Importance> all(columns);
  for (std::size_t c = 0; c < columns; ++c) all[c] = {static_cast<index_t>(c), gains[c], 0};
  for (std::size_t i = 0; i < contributions.size(); ++i) {
    const std::size_t c = i % (columns + 1);
    if (c < columns) all[c].mean_contribution += std::abs(contributions[i]) / static_cast<double>(rows.rows());
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Importance& a, const Importance& b) { return a.mean_contribution > b.mean_contribution; });
  return all;
}

}  // namespace seqrec
