// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "seqrec/core/item_set.hpp"
#include "seqrec/core/ranking_batch.hpp"
#include "seqrec/models/candidate_encoder.hpp"
#include "seqrec/ops/top_k.hpp"
#include "seqrec/serve/catalogue_scorer.hpp"
#include "seqrec/serve/last_states.hpp"
#include "seqrec/serve/packed_catalogue.hpp"
#include "seqrec/serve/requests.hpp"

namespace seqrec::detail {

/// What is wanted for one user of a shard.
struct WantedItems {
  index_t count;
  std::span<const item_t> exclusions;
};

/// The best items for the users of a shard. Equal scores come in ascending order of item; minus infinity is never
/// offered. Where the score of an item that is not excluded is not a number, a user's answer is item -1 with score NaN.
/// Buffers are kept from call to call.
template <Ranker Model>
class BestItems {
 public:
  using Context = typename Model::Context;
  using Scalar = typename Context::Scalar;
  using Space = typename Context::Space;

  explicit BestItems(const Model& model, const PackedCatalogue<Model>* = nullptr) : excluded_(model.num_items()) {}

  /// @param context begun anew (begin_shard)   @param offered  the catalogue's first so many items are
  /// @param wanted  wanted(user) is what the shard's user wants
  /// @param answer  answer(user, recommendations) is called once for each
  template <class Wanted, class Answer>
  void operator()(Context& context, const Model& model, const RankingBatch<Space>& shard, index_t offered,
                  Wanted wanted, Answer answer) {
    for (index_t user = 0; user < shard.histories.users(); ++user) {
      const WantedItems& of_user = wanted(user);
      find(scorer_(context, model, shard.histories, user, offered), of_user);
      answer(user, std::span<const Recommendation<Scalar>>(best_).first(
                       std::min(best_.size(), static_cast<std::size_t>(of_user.count))));
    }
  }

 private:
  void find(std::span<const Scalar> scores, const WantedItems& wanted) {
    excluded_.clear();
    excluded_.insert(wanted.exclusions);
    best_.clear();
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const auto item = static_cast<item_t>(i);
      if (excluded_.contains(item) || scores[i] == -std::numeric_limits<Scalar>::infinity()) continue;
      if (std::isnan(scores[i])) {
        best_.assign(1, {-1, scores[i]});
        return;
      }
      best_.push_back({item, scores[i]});
    }
    const auto found = std::min(std::ssize(best_), static_cast<std::ptrdiff_t>(wanted.count));
    std::partial_sort(best_.begin(), best_.begin() + found, best_.end(), [](const auto& a, const auto& b) {
      return a.score != b.score ? a.score > b.score : a.item < b.item;
    });
  }

  CatalogueScorer<Model> scorer_;
  ItemSet excluded_;
  std::vector<Recommendation<Scalar>> best_;
};

/// The same by a model whose score is a dot product.
template <Ranker Model>
requires(!CandidateEncoder<Model>) class BestItems<Model> {
 public:
  using Context = typename Model::Context;
  using Scalar = typename Context::Scalar;
  using Space = typename Context::Space;

  /// @param catalogue  the model's items, laid out for being scored, or null; must stay as long as this
  explicit BestItems(const Model&, const PackedCatalogue<Model>* catalogue = nullptr) : catalogue_(catalogue) {}

  template <class Wanted, class Answer>
  void operator()(Context& context, const Model& model, const RankingBatch<Space>& shard, index_t offered,
                  Wanted wanted, Answer answer) {
    Tape<Context> tape(context, Mode::inference);
    after_states(tape, model, last_states(tape, model, shard.histories), shard.exclusions, offered, wanted, answer);
  }

  /// The same for users whose states are known.
  /// @param states (B, D)   @param exclusions (B) segments, or null
  template <class Wanted, class Answer>
  void after_states(Tape<Context>& tape, const Model& model, const_matrix_of<Context> states,
                    const Jagged<const item_t, Space>& exclusions, index_t offered, Wanted wanted, Answer answer) {
    Context& context = tape.context();
    const index_t users = states.rows();
    index_t most = 1;
    for (index_t user = 0; user < users; ++user) most = std::max(most, wanted(user).count);
    most = std::min(most, offered);
    ItemHead<Context> head = model.item_head().view(tape);
    head.table = head.table.row_range(0, offered);
    if (head.bias) head.bias = head.bias.row_range(0, offered);
    if (catalogue_ != nullptr) head.packed = catalogue_->view();
    const MatrixView<item_t, Space> items(context.template vector<item_t>(users * most).data, users, most);
    const auto scores = context.matrix(users, most);
    ops::top_k(context, TopK<Context>{states, head, exclusions, items, scores});
    items_.resize(static_cast<std::size_t>(users * most));
    scores_.resize(items_.size());
    context.copy_to_host(items_.data(), items.data, users * most);
    context.copy_to_host(scores_.data(), scores.data, users * most);
    for (index_t user = 0; user < users; ++user) {
      const item_t* item = items_.data() + user * most;
      const Scalar* score = scores_.data() + user * most;
      best_.clear();
      for (index_t i = 0; i < std::min(most, wanted(user).count); ++i)
        if (item[i] >= 0 || std::isnan(score[i])) best_.push_back({item[i], score[i]});
      answer(user, std::span<const Recommendation<Scalar>>(best_));
    }
  }

 private:
  const PackedCatalogue<Model>* catalogue_;
  std::vector<item_t> items_;
  std::vector<Scalar> scores_;
  std::vector<Recommendation<Scalar>> best_;
};

}  // namespace seqrec::detail
