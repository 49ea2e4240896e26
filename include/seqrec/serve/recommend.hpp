// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "seqrec/autograd/tape.hpp"
#include "seqrec/core/item_set.hpp"
#include "seqrec/data/batches/ranking_batch.hpp"
#include "seqrec/data/batches/to_space.hpp"
#include "seqrec/models/candidate_encoder.hpp"
#include "seqrec/ops/top_k.hpp"
#include "seqrec/serve/catalogue_scorer.hpp"
#include "seqrec/serve/known_user.hpp"
#include "seqrec/serve/last_states.hpp"

namespace seqrec {

/// An item with its score.
template <class Scalar>
struct Recommendation {
  item_t item;
  Scalar score;
};

namespace detail {

/// The best of all items, by a model whose score is a dot product.
template <StaticEncoder Model>
void best_items(const Model& model, typename Model::Context& context,
                const RankingBatch<typename Model::Context::Space>& batch, std::span<item_t> best,
                std::span<typename Model::Context::Scalar> scores) {
  using Context = typename Model::Context;
  using Space = typename Context::Space;
  const auto count = static_cast<index_t>(best.size());
  context.begin_shard();
  Tape<Context> tape(context, Mode::inference);
  const auto query = last_states(tape, model, batch.histories);
  const MatrixView<item_t, Space> top(context.template vector<item_t>(count).data, 1, count);
  const auto top_scores = context.matrix(1, count);
  ops::top_k(context, TopK<Context>{query, model.item_head().view(tape), batch.exclusions, top, top_scores});
  context.copy_to_host(best.data(), top.data, count);
  context.copy_to_host(scores.data(), top_scores.data, count);
}

/// The best of all items, by a model that has to look at each: equal scores in ascending order of item, -1 where fewer
/// are left.
template <CandidateEncoder Model>
void best_items(const Model& model, typename Model::Context& context,
                const RankingBatch<typename Model::Context::Space>& batch, std::span<item_t> best,
                std::span<typename Model::Context::Scalar> scores) {
  CatalogueScorer<Model> scorer;
  const auto all = scorer(context, model, batch.histories, 0);
  std::vector<item_t> excluded(static_cast<std::size_t>(batch.exclusions.size()));
  context.copy_to_host(excluded.data(), batch.exclusions.values.data, batch.exclusions.size());
  ItemSet not_offered(model.num_items());
  not_offered.insert(excluded);
  std::vector<item_t> order;
  for (index_t item = 0; item < model.num_items(); ++item)
    if (!not_offered.contains(static_cast<item_t>(item))) order.push_back(static_cast<item_t>(item));
  const auto found = std::min(order.size(), best.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(found), order.end(),
                    [&](item_t a, item_t b) {
                      const auto score_a = all.data()[a], score_b = all.data()[b];
                      return score_a != score_b ? score_a > score_b : a < b;
                    });
  std::fill(best.begin(), best.end(), item_t{-1});
  for (std::size_t i = 0; i < found; ++i) {
    best[i] = order[i];
    scores[i] = all.data()[order[i]];
  }
}

}  // namespace detail

/// The `count` items that a model would offer after a history, best first, without those in `exclusions` (most callers
/// exclude what is in the history). Fewer when the catalogue runs out.
/// @param context the caller's, reset here   @param history oldest first; its last max_length items are read
/// @param user    for models that read features; these travel to another space with each call
/// @throws DataError for an item that the model's table does not have
/// @throws ArgumentError unless 1 <= count <= items of the model
template <class Model>
std::vector<Recommendation<typename Model::Context::Scalar>> recommend(const Model& model,
                                                                       typename Model::Context& context,
                                                                       std::span<const item_t> history, index_t count,
                                                                       std::span<const item_t> exclusions,
                                                                       const KnownUser& user = {}) {
  static_assert(Ranker<Model>,
                "seqrec: recommend needs a model with encode() and item_head(), or with score(tape, batch, "
                "candidates)");
  using Scalar = typename Model::Context::Scalar;
  using Space = typename Model::Context::Space;
  check_argument(count >= 1 && count <= model.num_items(), "recommend count", count, "1 .. items of the model");
  HostRankingBatch packed({model.num_items(), model.max_length(), model.max_length()}, user.features);
  const RankingRequest request{history, -1, exclusions, {}, user.profile};
  packed.pack({&request, 1});
  std::vector<item_t> items(static_cast<std::size_t>(count));
  std::vector<Scalar> scores(static_cast<std::size_t>(count));
  BatchTarget<Space> target(packed.constants());
  detail::best_items(model, context, to<Space>(packed, target, context.stream()).shard(0), items, scores);
  std::vector<Recommendation<Scalar>> result;
  for (std::size_t i = 0; i < items.size() && items[i] >= 0; ++i) result.push_back({items[i], scores[i]});
  return result;
}

}  // namespace seqrec
