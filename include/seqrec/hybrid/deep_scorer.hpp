// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/autograd/tape.hpp"
#include "seqrec/core/errors.hpp"
#include "seqrec/core/features.hpp"
#include "seqrec/core/types.hpp"
#include "seqrec/data/batches/ranking_batch.hpp"
#include "seqrec/data/batches/to_space.hpp"
#include "seqrec/features/feature_column.hpp"
#include "seqrec/models/candidate_encoder.hpp"
#include "seqrec/serve/candidate_scores.hpp"
#include "seqrec/serve/requests.hpp"
#include "seqrec/serve/sole_context.hpp"

namespace seqrec {

/// In a model's place where trees are to know explicit features alone.
template <class Context_>
struct NoModel {
  using Context = Context_;
  static constexpr const char* name = "none";
};

namespace detail {

template <class Model>
inline constexpr bool is_no_model = false;
template <class Context>
inline constexpr bool is_no_model<NoModel<Context>> = true;

/// A model that shows the product of a user's interest and a candidate, as Din.
template <class Model>
concept ShowsProducts = requires(typename Model::Explained explained, const Model& model) {
  explained.products.value();
  model.options().dot_product;
};

/// A model that shows the vector of what a history says to a candidate, as Din.
template <class Model>
concept ShowsInterest = requires(typename Model::Explained explained, const Model& model) {
  explained.interest.value();
  model.options().width;
};

/// Whether this one does.
template <class Model>
bool shows_products([[maybe_unused]] const Model& model) {
  if constexpr (ShowsProducts<Model>)
    return model.options().dot_product;
  else
    return false;
}

}  // namespace detail

/// What a trained model says of candidates, as columns: its score, and the product of the user's interest and the
/// candidate where the model shows it (Din).
/// @param interest  also that interest itself, a column for each of its numbers. These mean nothing to a person, and
///                  something else in a model that was trained again
/// @throws ArgumentError for an interest that the model does not show
template <class Model>
std::vector<FeatureColumn> deep_columns([[maybe_unused]] const Model& model, bool interest = false) {
  if constexpr (!detail::ShowsInterest<Model>)
    check_argument(!interest, "hybrid interest", "true", "a model that shows its interest, such as Din");
  std::vector<FeatureColumn> columns;
  if constexpr (!detail::is_no_model<Model>) {
    static_assert(
        Ranker<Model>,
        "seqrec: a hybrid needs a model with encode() and item_head(), or with score(tape, batch, candidates)");
    columns.push_back({.name = "deep_score",
                       .label = concatenate("score of ", Model::name),
                       .unit = "",
                       .group = FeatureGroup::deep,
                       .sentence = "The network's score for it is {value}"});
    if (detail::shows_products(model))
      columns.push_back({.name = "deep_product",
                         .label = "interest in items like this",
                         .unit = "",
                         .group = FeatureGroup::deep,
                         .sentence = "What you looked at matches it with {value}"});
  }
  if constexpr (detail::ShowsInterest<Model>)
    for (index_t i = 0; interest && i < model.options().width; ++i)
      columns.push_back({.name = concatenate("deep_interest_", i),
                         .label = concatenate("number ", i, " of the interest"),
                         .unit = "",
                         .group = FeatureGroup::deep,
                         .sentence = "The network puts your interest at {value} there"});
  return columns;
}

/// Fills a model's columns for one request at a time, with buffers that stay from call to call. For one thread.
template <class Model>
class DeepScorer {
 public:
  using Context = typename Model::Context;

  /// @param model     must stay as long as this
  /// @param features  of users and items, for models that read them
  /// @param interest  as deep_columns
  explicit DeepScorer(const Model& model, const Features<HostSpace>& features = {}, bool interest = false)
      : model_(&model),
        columns_(std::ssize(deep_columns(model, interest))),
        interest_(interest),
        batch_({model.num_items(), model.max_length(), most_rows, candidates_together, users_together(model)}, features,
               times_option(model)),
        target_(batch_.constants()) {}

  /// Writes the first columns of each candidate's row. After an empty history the model has nothing to go by: its
  /// columns are missing (NaN).
  /// @param out (candidates, stride)
  /// @throws DataError      for an item that the model's table does not have
  /// @throws ArgumentError  for other times than one an event where the model reads them
  /// @throws NonFiniteError for a score that is NaN or infinite
  void operator()(Context& context, const ScoreRequest& request, std::span<float> out, index_t stride) {
    if (request.candidates.empty()) return;
    if (request.history.empty()) {
      for (std::size_t c = 0; c < request.candidates.size(); ++c)
        std::fill_n(row(out, c, stride), columns_, std::numeric_limits<float>::quiet_NaN());
      return;
    }
    parts_.clear();  // of about the same size, each in cache
    const std::size_t all = request.candidates.size(), parts = (all + candidates_together - 1) / candidates_together;
    for (std::size_t p = 0; p < parts; ++p) {
      const std::size_t first = all * p / parts, last = all * (p + 1) / parts;
      parts_.push_back(
          {request.history, -1, {}, request.candidates.subspan(first, last - first), request.profile, request.times});
    }
    batch_.pack(parts_);
    detail::SoleContext team(context);
    team.run(to<typename Context::Space>(batch_, target_, context.stream()),
             [&](Context& c, const auto& shard) { score_shard(c, shard, all, out, stride); });
  }

 private:
  static constexpr index_t most_rows = 256;
  static constexpr std::size_t candidates_together = 256;

  static float* row(std::span<float> out, std::size_t candidate, index_t stride) {
    return out.data() + static_cast<index_t>(candidate) * stride;
  }

  template <class Shard>
  void score_shard(Context& context, const Shard& shard, std::size_t all, std::span<float> out, index_t stride) {
    Tape<Context> tape(context, Mode::inference);
    if constexpr (detail::ShowsProducts<Model>) {
      const auto explained = model_->explain(tape, shard.histories, shard.candidates);
      copy(context, explained.scores.value(), shard, all, out, stride, 0);
      if (explained.products) copy(context, explained.products.value(), shard, all, out, stride, 1);
      if constexpr (detail::ShowsInterest<Model>)
        if (interest_) copy(context, explained.interest.value(), shard, all, out, stride, explained.products ? 2 : 1);
    } else {
      copy(context, scores_of_candidates(tape, *model_, shard), shard, all, out, stride, 0);
    }
  }

  /// What a shard says of its candidates into columns of the rows that they belong to.
  /// @param values (candidates, columns) of a matrix, or (candidates)
  template <class Values, class Shard>
  void copy(Context& context, const Values& values, const Shard& shard, std::size_t all, std::span<float> out,
            index_t stride, index_t column) {
    using Scalar = typename Context::Scalar;
    std::vector<Scalar> host(static_cast<std::size_t>(values.size()));
    context.copy_to_host(host.data(), values.data, std::ssize(host));
    const index_t columns = shard.candidates.size() > 0 ? values.size() / shard.candidates.size() : 0;
    std::size_t next = 0;
    for (index_t user = 0; user < shard.histories.users(); ++user) {
      const auto part = static_cast<std::size_t>(batch_.order().data()[shard.histories.first_user + user]);
      const std::size_t first = all * part / parts_.size(), last = all * (part + 1) / parts_.size();
      for (std::size_t c = first; c < last; ++c, ++next) {
        for (index_t i = 0; i < columns; ++i) {
          const Scalar value = host[next * static_cast<std::size_t>(columns) + static_cast<std::size_t>(i)];
          if (!std::isfinite(value))
            throw NonFiniteError(concatenate("hybrid: the score of ", Model::name, " for candidate ", c, " is ", value,
                                             ", expected a finite number"));
          row(out, c, stride)[column + i] = static_cast<float>(value);
        }
      }
    }
  }

  const Model* model_;
  index_t columns_;
  bool interest_;
  HostRankingBatch batch_;
  BatchTarget<typename Context::Space> target_;
  std::vector<RankingRequest> parts_;
};

/// The same of no model: nothing.
template <class Context_>
class DeepScorer<NoModel<Context_>> {
 public:
  explicit DeepScorer(const NoModel<Context_>&, const Features<HostSpace>& = {}, bool = false) {}
  void operator()(Context_&, const ScoreRequest&, std::span<float>, index_t) {}
};

}  // namespace seqrec
